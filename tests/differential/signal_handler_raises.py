"""A signal handler that raises ends an otherwise endless hot loop; one that returns lets it go on; it sees the loop's frame."""

import signal
import sys


class Alarm(Exception):
    pass


fired = 0
names = set()


def raises(number, frame):
    names.add(frame.f_code.co_name)
    raise Alarm(number)


def counts(number, frame):
    global fired
    fired += 1
    names.add(frame.f_code.co_name)
    if not isinstance(frame.f_locals.get("i"), int):
        names.add("no i")
    if fired == 3:
        signal.setitimer(signal.ITIMER_REAL, 0)


def endless_int():
    i = 0
    while True:
        i = (i + 1) % 1000003


def endless_float():
    i = 0
    x = 0.0
    while True:
        x = x * 0.5 + 1.0


def endless_for():
    i = 0
    while 1:
        for i in range(1000000):
            pass


def endless_pass():
    i = 0
    while True:
        pass


def callee(i):
    return i + 1


def endless_calls():
    i = 0
    while True:
        i = callee(i)


def endless_nested():
    i = 0
    while True:
        for j in range(3):
            for k in range(j):
                i = i ^ k


def endless_else():
    i = 0
    while True:
        try:
            i += 1
        finally:
            i -= 1


def until_fired():
    i = 0
    while fired < 3:
        i += 1
    return i > 0


signal.signal(signal.SIGALRM, raises)
for function in (endless_int, endless_float, endless_for, endless_pass, endless_calls, endless_nested, endless_else):
    names.clear()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.04)
        function()
    except Alarm as e:
        frames = []
        tb = e.__traceback__
        while tb:
            frames.append(tb.tb_frame.f_code.co_name)
            tb = tb.tb_next
        frames = [f for f in frames if f != "callee"]
        print(function.__name__, e, frames, names <= {function.__name__, "callee"})

names.clear()
signal.signal(signal.SIGALRM, counts)
signal.setitimer(signal.ITIMER_REAL, 0.03, 0.01)
print(until_fired(), names)


def sum_is_exact(turns):
    i = total = 0
    while i < turns:
        total += i
        i += 1
    return total


signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
print(sum_is_exact(100000))
signal.setitimer(signal.ITIMER_REAL, 0)

# At module level, with the loop's variables as globals.
signal.signal(signal.SIGALRM, raises)
signal.setitimer(signal.ITIMER_REAL, 0.04)
i = 0
try:
    while True:
        i += 1
except Alarm:
    print("module level", i > 0)
