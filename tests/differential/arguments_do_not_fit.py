"""A function that gets too few arguments raises at the call's start: what dies while the stack is unwound sees that, and so does the traceback."""

import sys

seen = []


class Mortal:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        frame = sys._getframe(1)
        seen.append((self.n, frame.f_code.co_name, frame.f_lineno, frame.f_lasti))


def opt(a):
    return a


def failing(a):
    return 1 // a


def note(x):
    return x


def outer(n):
    for t in range(n):
        try:
            for m in [Mortal(3), Mortal(2)]:
                note(opt())
        except TypeError as e:
            seen.append(e.__traceback__.tb_lasti)


def inner(k):
    return note([Mortal(k), opt(k, 7) if k % 3 == 0 else failing(k % 2)])


def through(n):
    for t in range(n):
        try:
            inner(t)
        except (TypeError, ZeroDivisionError) as e:
            seen.append((e.__traceback__.tb_lasti, e.__traceback__.tb_next.tb_lasti))


for _ in range(3):
    outer(20)
    through(60)
print(*seen, sep="\n")
