"""The contract's fifth point: trace and profile functions see every event from the moment they are switched on, in mid-loop, too."""

import sys
import threading

events = []


def note(frame, event, arg):
    code = frame.f_code
    if code.co_filename == __file__ and not code.co_name.startswith(("switch", "note")):
        events.append((event, code.co_name, frame.f_lineno - code.co_firstlineno, repr(arg) if event in ("return", "exception") and not isinstance(arg, tuple) else ""))
    return note


def note_opcodes(frame, event, arg):
    frame.f_trace_opcodes = True
    return note(frame, event, arg) and note_opcodes


def switch(what, i):
    if i == 250:
        what(note)
    elif i == 253:
        what(None)


def switch_with_frame(i, function=note):
    if i == 250:
        sys.settrace(function)
        sys._getframe(1).f_trace = function
    elif i == 253:
        sys.settrace(None)
        sys._getframe(1).f_trace = None


def leaf(x):
    if x % 2:
        return x + 1
    return x


def numbers(n):
    for i in range(n):
        yield i * 2


def traced_from_next_call(n):
    total = 0
    for i in range(n):
        switch(sys.settrace, i)
        total += leaf(i)
    return total


def traced_with_own_frame(n):
    total = 0
    for i in range(n):
        switch_with_frame(i)
        total += leaf(i)
        if total % 5 == 0:
            total += 1
    return total


def traced_by_opcodes(n):
    total = 0
    for i in range(n):
        switch_with_frame(i, note_opcodes)
        total += i
    return total


def profiled(n):
    total = 0
    for i in range(n):
        switch(sys.setprofile, i)
        total += leaf(i) + abs(-i) + len([i])
    return total


def traced_with_exceptions(n):
    total = 0
    for i in range(n):
        switch_with_frame(i)
        try:
            total += 10 // (i % 3)
        except ZeroDivisionError:
            total -= 1
    return total


def traced_with_generator(n):
    total = 0
    for i in numbers(n):
        switch_with_frame(i // 2)
        total += i
    return total


def traced_while(n):
    i = total = 0
    while i < n:
        switch_with_frame(i)
        i += 1
        total += [j for j in (1, 2)][i % 2]
    return total


def jumps(n):
    trail = []

    def jump(frame, event, arg):
        if event == "line" and frame.f_lineno == frame.f_code.co_firstlineno + 4:
            frame.f_lineno += 1
        return jump

    for i in range(n):
        if i == 250:
            sys.settrace(jump)
        trail.append(jumped(i))
        sys.settrace(None)
    return sum(trail), trail[249:252]


def jumped(i):
    x = 0
    for j in range(3):
        x += j
        x += 100
        x += 1
    return x


def in_other_threads(n):
    """`threading.settrace` concerns threads that start later; a running loop of another thread goes on untraced."""
    results = []
    threading.settrace(note)
    thread = threading.Thread(target=lambda: results.append(leaf(7)))
    thread.start()
    thread.join()
    threading.settrace(None)
    return results


for function in traced_from_next_call, traced_with_own_frame, traced_by_opcodes, profiled, traced_with_exceptions, traced_with_generator, traced_while, jumps, in_other_threads:
    for _ in range(2):
        del events[:]
        print(function.__name__, function(500), len(events))
        for event in events[:80]:
            print("   ", *event)
