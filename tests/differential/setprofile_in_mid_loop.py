"""sys.setprofile switched on and off in a hot loop: call, return, c_call, c_return, c_exception events in order."""

import sys

events = []


def profiler(frame, event, arg):
    name = getattr(arg, "__name__", None) if event.startswith("c_") else repr(arg)
    events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno, name))


def leaf(x):
    return abs(x) + len("ab")


def gen(n):
    for k in range(n):
        yield k


def run(turns, on, off):
    total = 0
    data = []
    for i in range(turns):
        if i == on:
            sys.setprofile(profiler)
        total += leaf(-i)
        data.append(i)
        for k in gen(2):
            total += k
        try:
            data[-1:].index("x")
        except ValueError:
            total += 1
        if i == off:
            sys.setprofile(None)
    return total


for on, off in ((0, 0), (99, 101), (150, 150)):
    del events[:]
    print(run(160, on, off), len(events))
    for e in events:
        print("  ", e)


counts = {}


def counter(frame, event, arg):
    key = frame.f_code.co_name, event
    counts[key] = counts.get(key, 0) + 1


sys.setprofile(counter)
run(100, -1, -1)
sys.setprofile(None)
for key in sorted(counts):
    print(key, counts[key])
