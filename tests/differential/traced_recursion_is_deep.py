"""Python calls nest as deeply under a trace or profile function as without, on a C stack of the usual size."""

import sys


def down(n):
    return 0 if n == 0 else down(n - 1) + 1


def trace(frame, event, arg):
    return trace if frame.f_lineno % 2 else None


sys.setrecursionlimit(100_000)
for setter, function in (sys.settrace, trace), (sys.setprofile, lambda *_: None):
    setter(function)
    print(down(40_000))
    setter(None)
sys.setrecursionlimit(300)
sys.settrace(trace)
try:
    down(1000)
except RecursionError as e:
    depth, tb = 0, e.__traceback__
    while tb := tb.tb_next:
        depth += 1
    print(depth)
sys.settrace(None)
