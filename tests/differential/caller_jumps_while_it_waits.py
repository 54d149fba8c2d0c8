"""A debugger has a caller go on elsewhere (`f_lineno`) while the function that it called is watched, and stops watching before that ends."""

import sys


def watch():
    """Watches the function that calls this, so that the one that called that jumps."""
    callee = sys._getframe(1)
    callee.f_back.f_trace = tracer
    sys.settrace(tracer)
    callee.f_trace = tracer


def tracer(frame, event, arg):
    global jumped
    if event != "line":
        return tracer
    if not jumped:
        caller = frame.f_back
        caller.f_lineno = caller.f_code.co_firstlineno + where
        jumped = True
    sys.settrace(None)
    return None


def returns(n):
    if n == 140:
        watch()
    return n + 1


def deeper(n):
    return returns(n) + 1


def item(n):
    return Items()[n]


class Items:
    def __getitem__(self, n):
        if n == 140:
            watch()
        return n + 1


def calls(n, function):
    x = "start"
    y = "first"
    x = function(n)
    y = "second"
    z = "third"
    return x, y, z


def subscribes(n, items):
    x = "start"
    y = "first"
    x = items[n]
    y = "second"
    z = "third"
    return x, y, z


def returns_late(n):
    if n == 140:
        watch()
        n += 0
    n += 1
    return n


for outer, argument, where in (
    (calls, returns, 4), (calls, returns, 1), (calls, deeper, 0), (calls, item, 0), (subscribes, Items(), 4), (calls, returns_late, 5),
):
    jumped = False
    for n in range(160):
        result = outer(n, argument)
        if 138 < n < 143:
            print(outer.__name__, where, n, result)
