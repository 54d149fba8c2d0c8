"""The contract's fourth point: signals, async exceptions, other threads and fork get their turn in every compiled loop."""

import ctypes
import os
import signal
import sys
import threading
import time

sys.setswitchinterval(1e-5)


def empty(stop):
    while not stop:
        pass
    return "empty"


def counting(stop):
    i = 0
    while not stop:
        i += 1
    return "counting"


def floats(stop):
    x = 0.0
    while True:
        x += 0.5
        if stop:
            return "floats"


def step(x):
    return x + 1


def calling(stop):
    x = 0
    while not stop:
        x = step(x) % 1000
    return "calling"


def nested(stop):
    while not stop:
        for i in range(50):
            for j in range(50):
                pass
    return "nested"


def over_items(stop):
    items = list(range(100))
    while not stop:
        for item in items:
            item * 2
    return "over_items"


LOOPS = empty, counting, floats, calling, nested, over_items


def ended_by_signal(loop):
    stop = []
    kept = signal.signal(signal.SIGALRM, lambda number, frame: stop.append(frame.f_code.co_name in (loop.__name__, "step")))
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        return loop(stop), stop
    finally:
        signal.signal(signal.SIGALRM, kept)


class Interrupt(Exception):
    pass


def ended_by_raising_handler(loop):
    def handler(number, frame):
        raise Interrupt(number == signal.SIGALRM)

    kept = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        return loop([])
    except Interrupt as error:
        return error.args, error.__traceback__.tb_next.tb_frame.f_code is loop.__code__
    finally:
        signal.signal(signal.SIGALRM, kept)


def ended_by_async_exception(loop):
    ended = []

    def work():
        try:
            loop([])
        except Interrupt:
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.02)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Interrupt))
    thread.join()
    return ended


def ended_by_another_thread(loop):
    stop, ended = [], []
    threads = [threading.Thread(target=lambda: ended.append(loop(stop))) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.02)
    stop.append(True)
    for thread in threads:
        thread.join()
    return ended


def ended_in_both_after_fork(loop):
    children = []

    def handler(number, frame):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            stop.append("child")
            os.close(read)
            pipe.append(write)
        else:
            os.close(write)
            children.append((child, read))
            stop.append("parent")

    stop, pipe = [], []
    kept = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    sys.stdout.flush()
    result = loop(stop)
    again = loop([True])
    if pipe:
        os.write(pipe[0], f"{result} {again} {stop}".encode())
        os._exit(7)
    signal.signal(signal.SIGALRM, kept)
    (child, read), = children
    said = os.read(read, 1000).decode()
    os.close(read)
    return result, again, stop, said, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


for way in ended_by_signal, ended_by_raising_handler, ended_by_async_exception, ended_by_another_thread, ended_in_both_after_fork:
    for loop in LOOPS:
        print(way.__name__, loop.__name__, way(loop))
