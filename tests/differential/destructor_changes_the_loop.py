"""`__del__` that runs in a hot loop changes the list under the loop, globals, the class, raises (unraisable), switches tracing on."""

import sys

data = []
rate = 1


class Remover:
    def __del__(self):
        if data:
            data.pop()


class Rate:
    def __init__(self, i):
        self.i = i

    def __del__(self):
        global rate
        if self.i % 50 == 0:
            rate = self.i * 0.5 if self.i % 100 else self.i


class Raises:
    def __del__(self):
        raise ValueError("lost")


class Shape:
    size = 1


class ChangesClass:
    def __init__(self, i):
        self.i = i

    def __del__(self):
        Shape.size = self.i % 3


def list_under_loop(n):
    data[:] = range(n)
    seen = 0
    x = None
    for v in data:
        seen += 1
        x = Remover()
    x = None
    return seen, len(data)


def global_under_loop(turns):
    total = 0
    for i in range(turns):
        total += rate
        Rate(i)
        total += rate
    return total


def class_under_loop(turns):
    s = Shape()
    total = 0
    for i in range(turns):
        total = total * 3 + s.size & 0xFFFFFF
        c = ChangesClass(i)
        total += s.size
    return total


def raising(turns):
    lost = []
    sys.unraisablehook = lambda u: lost.append((type(u.exc_value).__name__, u.exc_traceback.tb_frame.f_code.co_name, u.exc_traceback.tb_next is None))
    n = 0
    for i in range(turns):
        x = Raises()
        n += 1
    x = None
    sys.unraisablehook = sys.__unraisablehook__
    return n, len(lost), lost[-1]


class Chain:
    depth = most = 0

    def __init__(self, rest):
        self.rest = rest

    def __del__(self):
        Chain.depth += 1
        Chain.most = max(Chain.most, Chain.depth)
        self.rest = None
        Chain.depth -= 1


def chains(turns):
    for i in range(turns):
        c = None
        for k in range(i % 30):
            c = Chain(c)
    c = None
    return Chain.most, Chain.depth


events = []


def tracer(frame, event, arg):
    if frame.f_code.co_name == "leaf":
        events.append((event, frame.f_lineno - frame.f_code.co_firstlineno))
    return tracer


class Tracing:
    def __init__(self, i):
        self.i = i

    def __del__(self):
        if self.i == 100:
            sys.settrace(tracer)
        if self.i == 102:
            sys.settrace(None)


def leaf(x):
    return x + 1


def traced(turns):
    n = 0
    for i in range(turns):
        t = Tracing(i)
        n = leaf(n)
    return n


class Loud:
    """Its death runs a hot loop of its own."""

    def __del__(self):
        global loud
        for k in range(20):
            loud += k


loud = 0


def deaths_with_loops(turns):
    for i in range(turns):
        x = Loud()
    return i


class Reborn:
    kept = None

    def __del__(self):
        Reborn.kept = self


def resurrected(turns):
    same = 0
    for i in range(turns):
        r = Reborn()
        r.i = i
        del r
        same += Reborn.kept.i == i
    Reborn.kept = None
    return same


for function in (list_under_loop, global_under_loop, class_under_loop, raising, chains, traced, deaths_with_loops, resurrected):
    print(function.__name__, function(150))
print(rate, loud, events)
