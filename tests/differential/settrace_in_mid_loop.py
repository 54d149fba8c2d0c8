"""sys.settrace switched on by a callee in the middle of a hot loop, with the frame's own f_trace, then off again: each event is seen."""

import sys

events = []
base = 0


def tracer(frame, event, arg):
    code = frame.f_code
    if code.co_name in ("stop", "start"):
        return None
    events.append((code.co_name, event, frame.f_lineno - code.co_firstlineno, frame.f_locals.get("i"), repr(arg) if event == "return" else None))
    return tracer


def start(i, outer):
    if i == 100:
        sys.settrace(tracer)
        frame = sys._getframe(1)
        while outer and frame.f_code.co_name != "<module>":
            frame.f_trace = tracer
            frame = frame.f_back


def stop(i):
    if i == 103:
        sys.settrace(None)


def leaf(x):
    y = x + 1
    return y * 2


def middle(x):
    z = leaf(x)
    return z + 1


def run(turns, outer):
    total = 0
    for i in range(turns):
        start(i, outer)
        total += middle(i)
        if i % 2:
            total -= 1
        stop(i)
    return total


for outer in (False, True):
    del events[:]
    print(run(200, outer), len(events))
    for e in events:
        print("  ", e)


def raising(i):
    if i >= 100:
        raise ValueError(i)
    return i


def with_exceptions(turns):
    caught = 0
    for i in range(turns):
        start(i, True)
        try:
            raising(i)
        except ValueError:
            caught += 1
        stop(i)
    return caught


del events[:]
print(with_exceptions(150))
for e in events:
    print("  ", e)


def opcode_tracer(frame, event, arg):
    frame.f_trace_opcodes = True
    frame.f_trace_lines = False
    if event == "opcode":
        events.append((frame.f_code.co_name, frame.f_lasti))
    return opcode_tracer


def opcodes(turns):
    t = 0
    for i in range(turns):
        if i == 150:
            sys.settrace(opcode_tracer)
        t += leaf(i)
        if i == 151:
            sys.settrace(None)
    return t


del events[:]
print(opcodes(200), events)


def jump(frame, event, arg):
    """A tracer that moves the frame to another line."""
    if event == "line" and frame.f_lineno - frame.f_code.co_firstlineno == 6:
        frame.f_lineno += 1
    return jump


def jumped(turns):
    skipped = 0
    for i in range(turns):
        if i == 120:
            sys._getframe().f_trace = jump
            sys.settrace(jump)
        skipped += 1
        if i == 140:
            sys.settrace(None)
    return skipped


print(jumped(200))


def tracer_raises(frame, event, arg):
    if event == "line" and frame.f_locals.get("i") == 130:
        raise RuntimeError("from the tracer")
    return tracer_raises


def traced_failure(turns):
    for i in range(turns):
        if i == 120:
            sys._getframe().f_trace = tracer_raises
            sys.settrace(tracer_raises)
        last = i


try:
    traced_failure(200)
except RuntimeError as e:
    print(e, e.__traceback__.tb_next.tb_frame.f_locals, sys.gettrace())
