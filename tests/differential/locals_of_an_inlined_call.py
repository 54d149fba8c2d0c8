"""The dict that `locals()`, `eval` and the like make of a function's locals dies with its frame, and what is in it with the dict."""

import sys
import weakref

seen = []


class Mortal:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        frame = sys._getframe(1)
        seen.append((self.n, frame.f_code.co_name, frame.f_lineno, frame.f_lasti))


def evaluated(k):
    m = Mortal(k)
    return eval("k + 1") % 7


def listed(k):
    m = Mortal(k)
    return len(locals()) % 7


def looked_at(k):
    m = Mortal(k)
    return len(dir()) + len(vars()) if k % 5 == 2 else k


def executed(k):
    m = Mortal(k)
    exec("m = k = 3")
    return k


def outer(k):
    m = Mortal(-k)
    return listed(k) + evaluated(k)


class Plain:
    pass


def refers(k):
    o = Plain()
    r = weakref.ref(o)
    locals()
    return r


def evaluate(n):
    for k in range(n):
        i = evaluated(k)
    return i


def list_them(n):
    for k in range(n):
        i = listed(k)
    return i


def look_and_execute(n):
    for k in range(n):
        i = looked_at(k) + executed(k)
    return i


def nest(n):
    for k in range(n):
        i = outer(k)
    return i


def refer(n):
    alive = 0
    for k in range(n):
        alive += refers(k)() is not None
    return alive


for loop in evaluate, list_them, look_and_execute, nest, refer:
    print([loop(n) for n in (5, 40, 100)], len(seen))
for k in range(100):
    i = listed(k)
print(len(seen))
print(*seen[::7], sep="\n")
