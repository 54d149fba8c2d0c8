"""An uncaught KeyboardInterrupt ends the program by the signal, after finally blocks and with the traceback's frames."""

import os
import signal
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)


def hook(kind, value, tb):
    names = []
    while tb:
        names.append(tb.tb_frame.f_code.co_name)
        tb = tb.tb_next
    print(kind.__name__, names, file=sys.stderr, flush=True)


sys.excepthook = hook


def loop():
    i = 0
    try:
        while True:
            i += 1
            if i == 500:
                os.kill(os.getpid(), signal.SIGINT)
    finally:
        print("left", i in (500, 501), flush=True)


loop()
