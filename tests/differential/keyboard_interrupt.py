"""SIGINT to ourselves in a hot loop raises KeyboardInterrupt at the next check; from a timer thread it ends an endless loop."""

import os
import signal
import threading
import _thread

signal.signal(signal.SIGINT, signal.default_int_handler)


def kills_itself(turns, at):
    i = 0
    try:
        for i in range(turns):
            if i == at:
                os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        return i - at in (0, 1), "interrupted"
    return i, "finished"


def endless(pair):
    i = 0
    try:
        while True:
            pair[0], pair[1] = pair[1], pair[0]
            i += 1
    except KeyboardInterrupt as e:
        return i > 0, sorted(pair), type(e).__name__, e.args


def in_callee(x):
    y = x
    while True:
        y = y * 3 % 1000003


def finally_runs(log):
    try:
        in_callee(7)
    finally:
        log.append("finally")


print(kills_itself(400, 200), kills_itself(400, 399), kills_itself(150, 5))

for interrupt in (lambda: os.kill(os.getpid(), signal.SIGINT), _thread.interrupt_main):
    threading.Timer(0.03, interrupt).start()
    print(endless([1, 2]))
    log = []
    threading.Timer(0.03, interrupt).start()
    try:
        finally_runs(log)
    except KeyboardInterrupt as e:
        tb = e.__traceback__
        names = []
        while tb:
            names.append(tb.tb_frame.f_code.co_name)
            tb = tb.tb_next
        print(names[:3], log)

signal.signal(signal.SIGINT, signal.SIG_IGN)
print(kills_itself(300, 100))
