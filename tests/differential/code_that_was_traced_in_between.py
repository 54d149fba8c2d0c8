"""Code that is warm, then runs under a trace or profile function, where CPython's evaluator rewrites its bytecode, then without again."""

import sys


def slices(s, t, i):
    a = s[1:3]
    b = t[i:]
    c = [*t][:2]
    c[0:1] = [a, b]
    return a, b, c, s[::2], t[-1]


def loops(s, t, i):
    total = 0
    for x in t:
        total += x * i
        if x == 3:
            continue
        s = s + "x"
    while total > 50:
        total -= 7
    return total, len(s), [j for j in t if j]


class Point:
    def __init__(self, x):
        self.x = x

    def move(self, by, *, scale=1):
        self.x += by * scale
        return self


def objects(s, t, i):
    p = Point(i)
    p.move(1).move(2, scale=3)
    q = {"a": p.x, **{"b": i}}
    u, *v = t
    try:
        t[100]
    except IndexError as error:
        s = str(error)
    return p.x, q, u, v, s, isinstance(p, Point), f"{i}:{s!r}"


def steps(t):
    for x in t:
        got = yield x
        if got:
            yield got[1:]


def generators(s, t, i):
    g = steps(t)
    return next(g), g.send("abc"), list(g)


# A function with so many constants and names that its instructions need EXTENDED_ARG.
lines = ["def many(s, t, i):", "    r = 0"]
lines += [f"    r += {k} * i if i % {k + 300} else {k + 1000}" for k in range(1000, 1200)]
lines += [f"    v{k} = r" for k in range(300)] + ["    return r, v299, s[1:2], t[i % 3:], v0 + v280"]
exec("\n".join(lines))


def quiet(frame, event, arg):
    return quiet


for function in slices, loops, objects, generators, many:
    for switch in sys.settrace, sys.setprofile:
        seen = []
        for turn in range(200):
            if turn % 50 == 30:
                switch(quiet)
            if turn % 50 == 45:
                switch(None)
            result = function("abcdef", [1, 2, 3, 4], turn % 4)
            if turn % 23 == 0:
                seen.append(result)
        switch(None)
        print(function.__name__, seen)
