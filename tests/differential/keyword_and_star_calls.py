"""Calls with keywords, defaults, *args and **kwargs of Python functions, hot: binding, errors, deaths, frames seen by the callee."""

import sys

log = []


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        frame = sys._getframe(1)
        log.append((self.name, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))


MANY = tuple(range(40))


class Gathers:
    def __init__(self, a, *rest, **others):
        self.all = a, rest, others


def positional(a, b, /, c, d=4, *, e=5, f):
    return a, b, c, d, e, f


def plain(a, b=2, c=3):
    return a * 100 + b * 10 + c


def keyword_only(*, x, y=2):
    return x, y


def variable(a, *rest, k=1, **others):
    return a, rest, k, sorted(others.items())


class Object:
    def method(self, a, b=2, *, c=3):
        return a, b, c

    def forgets(self, x, y=None):
        x = y = None
        log.append("forgot")
        return sys._getframe(1).f_lasti


def binding(turns):
    o = Object()
    bound = o.method
    args, kwargs = (1, 2), {"c": 7}
    seen = set()
    for i in range(turns):
        seen.add(positional(1, 2, 3, f=6))
        seen.add(positional(1, 2, c=3, f=6, e=0))
        seen.add(positional(1, 2, f=6, d=1, c=0))
        seen.add(plain(1, c=5))
        seen.add(plain(c=1, b=2, a=3))
        seen.add(plain(1))
        seen.add(keyword_only(x=1))
        seen.add(keyword_only(y=1, x=2))
        seen.add(str(variable(1, 2, 3, k=4, z=5, y=6)))
        seen.add(str(variable(a=1)))
        seen.add(o.method(1, c=5))
        seen.add(o.method(b=1, a=2))
        seen.add(bound(3, b=4))
        seen.add(bound(*args))
        seen.add(bound(*args, **kwargs))
        seen.add(plain(*args))
        seen.add(plain(*[3, 2, 1]))
        seen.add(plain(*args, **kwargs))
        seen.add(plain(**{"a": 1, "b": 0}))
        seen.add(plain(*args, c=i % 3))
        seen.add(str(variable(*args, *args, **kwargs, d=8)))
        seen.add(str(variable(*range(3), **{})))
        seen.add(str(variable(*MANY)))
        seen.add(str(variable(*MANY, **{"k%d" % k: k for k in range(20)})))
        seen.add(str(Gathers(*MANY, z=1).all))
        seen.add((lambda *, a=1, b: (a, b))(b=i % 2))
    return sorted(map(str, seen))


def failures(turns):
    texts = set()
    o = Object()

    def attempt(call):
        try:
            call()
        except TypeError as e:
            tb = e.__traceback__
            depth = 0
            while tb:
                depth += 1
                tb = tb.tb_next
            texts.add((str(e), depth))

    for i in range(turns):
        attempt(lambda: plain())
        attempt(lambda: plain(1, a=1))
        attempt(lambda: plain(1, 2, 3, 4))
        attempt(lambda: plain(1, 2, 3, 4, c=1))
        attempt(lambda: plain(1, q=1))
        attempt(lambda: positional(1, b=2, c=3, f=6))
        attempt(lambda: positional(1, 2, 3))
        attempt(lambda: keyword_only(1, x=1))
        attempt(lambda: keyword_only(y=1))
        attempt(lambda: o.method())
        attempt(lambda: o.method(1, self=1))
        attempt(lambda: plain(*[1, 2, 3, 4]))
        attempt(lambda: plain(*(), **{"z": 1}))
        attempt(lambda: plain(*(1,), **{"a": 1}))
        attempt(lambda: plain(**{1: 2}))
        attempt(lambda: plain(*None))
        attempt(lambda: plain(**[]))
        attempt(lambda: variable(**{"a": 1, "k": 2, "rest": 3}) and plain(k=1))
    return sorted(texts)


def deaths(turns):
    o = Object()
    seen = set()
    for i in range(turns):
        seen.add(o.forgets(Noisy("a"), y=Noisy("b")))
        log.append(1)
        seen.add(o.forgets(*(Noisy("c"),)))
        log.append(2)
        seen.add(o.forgets(*(Noisy("d"),), **{"y": Noisy("e")}))
        log.append(3)
        seen.add(o.forgets(*[Noisy("f")]))
        log.append(4)
        seen.add(o.forgets(y=Noisy("g"), x=Noisy("h")))
        log.append(5)
        try:
            o.forgets(Noisy("i"), z=Noisy("j"))
        except TypeError:
            log.append(6)
        try:
            o.forgets(*(Noisy("k"), 2, 3))
        except TypeError:
            log.append(7)
    return sorted(seen)


def generator(a, *, b=1):
    yield a
    yield b


def others(turns):
    total = 0
    for i in range(turns):
        total += sum(generator(i, b=2)) + sum(generator(*(i,))) + sum(generator(*(i,), **{"b": i}))
        total += int("12", base=8) + len(sorted([3, 1], key=lambda x: -x)) + max(1, i, key=lambda x: -x)
        total += len(dict(a=1, b=i)) + len("{a}".format(a=i)) + round(number=2.5) + sum([1], start=i)
    return total


def defaults_change(turns):
    def f(a, b=1, *, c=2):
        return a + b + c

    total = []
    for i in range(turns):
        if i == turns // 4:
            f.__defaults__ = (10,)
        if i == turns // 2:
            f.__kwdefaults__ = {"c": 100}
        if i == turns * 3 // 4:
            f.__defaults__ = (7, 8)
        if i % (turns // 8) == 1:
            total.append((f(i), f(a=i), f(i, c=1), f(*(i,)), f(b=1, a=2)))
        else:
            f(i), f(a=i), f(i, c=1), f(*(i,)), f(b=1, a=2)
    f.__kwdefaults__ = None
    for _ in range(turns):
        try:
            f(a=1)
        except TypeError as e:
            text = str(e)
    return total, text


def depth(n, *, k):
    return 0 if n == 0 else 1 + depth(n - 1, k=k)


def depth_star(*args):
    return 0 if args[0] == 0 else 1 + depth_star(args[0] - 1)


def depth_spread(n):
    return 0 if n == 0 else 1 + depth_spread(*(n - 1,))


def limits():
    found = []
    for f in (lambda n: depth(n, k=1)), depth_star, depth_spread:
        low, high = 1, 2000
        while low < high:
            middle = (low + high) // 2
            try:
                f(middle)
                low = middle + 1
            except RecursionError as e:
                text = str(e)
                high = middle
        found.append((low, text))
    return found


for turns in 8, 64, 400:
    print(binding(turns))
    print(failures(turns))
    print(others(turns))
    print(defaults_change(turns))
print(limits())
for turns in 2, 50:
    print(deaths(turns))
    print(*log)
    log.clear()
