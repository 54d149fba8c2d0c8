"""Every event of trace and profile functions: calls, lines, opcodes, returns, exceptions, calls of C functions, with places and kinds of arguments."""

import sys

events = []


def trace(frame, event, arg):
    frame.f_trace_opcodes = True
    events.append((event, frame.f_code.co_name, frame.f_lineno, frame.f_lasti, type(arg).__name__))
    return trace


def profile(frame, event, arg):
    events.append((event, frame.f_code.co_name, frame.f_lineno, frame.f_lasti, getattr(arg, "__name__", None)))


def numbers(n):
    for k in range(n):
        yield k
    return 5


def through(n):
    x = yield from numbers(n)
    yield x


def calls(a, *b, **c):
    try:
        if a:
            raise ValueError
    except ValueError as e:
        pass
    s = ""
    for q in "abc":
        s = s + q
    d = [1, 2, 3, 4][1:3]
    len(d)
    d.append(2)
    "x".join(s)
    print(end="", **{})
    max(*d)
    str.upper("a")
    list.append(*[d, 3])
    while a < 3:
        a += 1
    return [v for v in numbers(3)]


class C:
    def __init__(self):
        self.x = list(through(2))

    def __enter__(self):
        return self

    def __exit__(self, *what):
        return True


class Box:
    def __getitem__(self, k):
        events.append(("asked at", sys._getframe(1).f_lasti))
        return k


async def waiting():
    return 3


async def awaiting():
    return await waiting()


async def agen():
    yield 1
    yield 2


async def over():
    return [v async for v in agen()]


def recursive(n):
    return recursive(n - 1) if n else 0


def failing():
    try:
        recursive("a")
    finally:
        events.append("finally")


def everything():
    calls(1)
    calls(0, 3, z=3)
    C()
    next(iter(numbers(1)))
    for coroutine in awaiting(), over():
        try:
            coroutine.send(None)
        except StopIteration as e:
            pass
    with C() as c:
        len(3)
    try:
        failing()
    except TypeError:
        pass
    g = numbers(3)
    next(g)
    g.close()
    g = through(3)
    next(g)
    try:
        g.throw(KeyError)
    except KeyError:
        pass
    recursive(3)
    Box()[1]
    for i in range(2): pass
    return f"{c.x!r:>5}"


def on_and_off():
    """In one frame, in turns of a loop."""
    total = 0
    for turn in range(60):
        if turn % 20 == 5:
            sys.settrace(trace)
            sys._getframe().f_trace = trace
        if turn % 20 == 7:
            sys.settrace(None)
        if turn % 20 == 11:
            sys.setprofile(profile)
            abs(turn)
            sys.setprofile(None)
        total += recursive(2) + turn
    return total


def stopping(frame, event, arg):
    events.append(("stopping", event, frame.f_lineno))
    if event == "line" and len(events) % 7 == 0:
        raise LookupError
    return stopping


for setter, function in (sys.settrace, trace), (sys.setprofile, profile):
    setter(function)
    everything()
    setter(None)
sys.settrace(trace)
sys.setprofile(profile)
everything()
sys.setprofile(None)
sys.settrace(None)
print(on_and_off())
for _ in range(10):
    sys.settrace(stopping)
    try:
        calls(1)
    except LookupError as e:
        events.append((e.__traceback__.tb_next.tb_lineno, sys.gettrace()))
    sys.settrace(None)
for event in events:
    print(event)
