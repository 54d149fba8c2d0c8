"""Trace and profile functions that are switched on and off inside generators which a `for`, `yield from` or `await` runs: the events from there on."""

import sys

events = []


def trace(frame, event, arg):
    if event in ("return", "exception"):
        arg = arg[0].__name__ if event == "exception" else arg
    else:
        arg = None
    events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno, arg))
    return trace


def profile(frame, event, arg):
    if event.startswith("c_"):
        arg = arg.__name__
    events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno, arg))


def plain(n):
    for i in range(n):
        yield i
    return "result"


def switching(n, at, switch):
    for i in range(n):
        if i == at:
            switch()
        yield i
    return "result"


def delegating(n, at, switch):
    got = yield from switching(n, at, switch)
    yield got


def failing(n, at, switch):
    for x in switching(n, at, switch):
        yield x
    raise KeyError(n)


def settrace_here():
    sys.settrace(trace)
    sys._getframe(1).f_trace = trace


def setprofile_here():
    sys.setprofile(profile)


def nothing():
    pass


def off():
    sys.settrace(None)
    sys.setprofile(None)


class Switch:
    """Switches when an attribute is read: nothing is called that would notice at once."""

    def __init__(self, on):
        self.on = on

    @property
    def now(self):
        if self.on:
            settrace_here()
        return 1


def by_attribute(n, at, _):
    for i in range(n):
        Switch(_ is not nothing and i == at).now
        yield i
    return "result"


def run(make, switch):
    seen = []
    try:
        for x in make(4, 2, switch):
            seen.append(x)
    except KeyError as e:
        seen.append(e.args)
    for x in plain(2):
        seen.append(x)
    off()
    return seen


async def step(n, at, switch):
    for i in range(n):
        if i == at:
            switch()
    return i


async def awaiting(n, at, switch):
    total = 0
    for i in range(3):
        total += await step(n + i, at, switch)
    return total


def run_coroutine(make, switch):
    try:
        make(3, 1, switch).send(None)
    except StopIteration as e:
        result = e.value
    off()
    return result


for warm_up in range(60):
    for make in switching, delegating, failing, by_attribute:
        run(make, nothing)
    run_coroutine(awaiting, nothing)

for switch in settrace_here, setprofile_here:
    for make in switching, delegating, failing, by_attribute:
        if make is by_attribute and switch is setprofile_here:
            continue
        for turn in range(2):
            events.clear()
            print(make.__name__, switch.__name__, run(make, switch))
            print(*events, sep="\n")
    events.clear()
    print(switch.__name__, run_coroutine(awaiting, switch))
    print(*events, sep="\n")


def switched_off_inside():
    def own(n):
        for i in range(n):
            if i == 1:
                off()
            yield i

    seen = []
    sys.settrace(trace)
    for x in own(4):
        seen.append(x)
    return seen


for turn in range(3):
    events.clear()
    print(switched_off_inside())
    print(*events, sep="\n")

for warm_up in range(60):
    run(failing, nothing)
print(run(failing, nothing))
