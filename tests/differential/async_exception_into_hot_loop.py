"""PyThreadState_SetAsyncExc raises into another thread's endless hot loop, and into our own."""

import ctypes
import threading
import time


class Injected(Exception):
    pass


def inject(ident, exception):
    return ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(exception))


def worker(kind, started, log):
    i = 0
    x = 1.0
    started.set()
    try:
        if kind == "int":
            while True:
                i += 1
        elif kind == "float":
            while True:
                x = x * 0.5 + 0.25
        else:
            while True:
                for k in range(1000):
                    i ^= k
    except Injected as e:
        log.append((kind, type(e).__name__, e.args))


log = []
for kind in ("int", "float", "for"):
    started = threading.Event()
    thread = threading.Thread(target=worker, args=(kind, started, log))
    thread.start()
    started.wait()
    time.sleep(0.02)
    print(inject(thread.ident, Injected))
    thread.join()
print(log)


def ourselves(turns):
    reached = -1
    try:
        for i in range(turns):
            if i == 200:
                inject(threading.get_ident(), Injected)
            reached = i
    except Injected:
        return reached in (199, 200, 201)
    return "not raised"


print(ourselves(1000), inject(1, Injected))
