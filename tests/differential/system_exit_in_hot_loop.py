"""`sys.exit` from an inlined callee: finally blocks run, atexit runs, the status is the argument."""

import atexit
import sys

atexit.register(lambda: print("atexit", state, flush=True))
state = 0


def leave(i):
    if i == 321:
        sys.exit(37)
    return i


def run():
    global state
    try:
        for i in range(1000):
            state += leave(i)
    finally:
        print("finally", i)


run()
