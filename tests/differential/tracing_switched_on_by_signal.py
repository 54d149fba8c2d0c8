"""A signal handler switches sys.settrace (then sys.setprofile) on in the middle of a compiled loop: from then on every line and call is seen."""

import os
import signal
import sys

events = []


def tracer(frame, event, arg):
    if frame.f_code.co_name in ("loop", "leaf"):
        events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno))
        return tracer
    return None


def profiler(frame, event, arg):
    events.append((frame.f_code.co_name, event, getattr(arg, "__name__", None) if event[:2] == "c_" else arg))


def trace_on(number, frame):
    sys.settrace(tracer)
    while frame:
        frame.f_trace = tracer
        frame = frame.f_back


def profile_on(number, frame):
    sys.setprofile(profiler)


def leaf(k):
    return k + 1


def loop(turns, at):
    total = 0
    for i in range(turns):
        total += leaf(i)
        if i == at:
            os.kill(os.getpid(), signal.SIGUSR1)
        total -= 1
        if i == at + 2:
            sys.settrace(None)
            sys.setprofile(None)
    return total


for handler in trace_on, profile_on:
    signal.signal(signal.SIGUSR1, handler)
    for at in 200, 300, 301:
        events.clear()
        print(handler.__name__, at, loop(400, at), len(events))
        for event in events:
            print("   ", *event)
