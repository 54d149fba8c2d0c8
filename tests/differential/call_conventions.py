"""Defaults, keywords, keyword-only, positional-only, *args, **kwargs, closures, lambdas, partials, bound methods as callees of hot loops; argument errors."""

import functools
import traceback


def plain(a, b):
    return a * 2 + b


def defaults(a, b=3, c=0.5):
    return a + b + c


def keyword_only(a, *, k, m=1):
    return a - k * m


def positional_only(a, b=2, /, c=4):
    return a * b - c


def star(*args):
    return len(args) + sum(args)


def star_star(a, *rest, x=1, **more):
    return a + len(rest) * x + sum(more.values())


def mutable(x, acc=[]):
    acc.append(x)
    return len(acc)


class Thing:
    base = 5

    def method(self, x, y=1):
        return self.base + x * y

    @classmethod
    def klass(cls, x):
        return cls.base - x

    @staticmethod
    def static(x, y):
        return x ^ y

    def __call__(self, x):
        return x + 100


def run(turns):
    total = 0
    thing = Thing()
    bound = thing.method
    half = functools.partial(defaults, c=1.5)
    square = lambda v: v * v
    k = 7

    def closure(v):
        return v + k

    args = (1, 2)
    kwargs = {"c": 2}
    for i in range(turns):
        total += plain(i, 1) + plain(b=i, a=2) + plain(*(args + args)[:2])
        total += defaults(i) + defaults(i, 1) + defaults(i, c=i) + defaults(*args, **kwargs)
        total += keyword_only(i, k=2) + keyword_only(i, m=3, k=1)
        total += positional_only(i) + positional_only(i, 1, c=3)
        total += star() + star(i) + star(i, *args, 4) + star(*range(i % 4))
        total += star_star(i) + star_star(i, 1, 2, x=i) + star_star(1, x=2, y=3, z=i) + star_star(*args, **kwargs)
        total += mutable(i)
        total += thing.method(i) + thing.method(i, y=2) + bound(i) + Thing.method(thing, i)
        total += thing.klass(i) + Thing.klass(i) + thing.static(i, 3) + Thing.static(i, 5) + thing(i)
        total += half(i) + square(i) + closure(i)
        if i % 60 == 0:
            k += 1
            kwargs = {"c": i, "b": 1}
            args = (i,)
        elif i % 60 == 30:
            args = (i, 2)
            kwargs = {}
    return total


print(run(300))


def missing(turns):
    for i in range(turns):
        plain(*(1, 2)[:2 if i < turns - 1 else 1])


def too_many(turns):
    for i in range(turns):
        plain(*(1, 2) if i < turns - 1 else (1, 2, 3))


def unexpected(turns):
    for i in range(turns):
        defaults(1, **{"b" if i < turns - 1 else "nope": 1})


def twice(turns):
    for i in range(turns):
        defaults(1, **{"b" if i < turns - 1 else "a": 1})


def missing_keyword(turns):
    for i in range(turns):
        keyword_only(1, **({"k": 1} if i < turns - 1 else {}))


def not_callable(turns):
    f = plain
    for i in range(turns):
        if i == turns - 1:
            f = 5
        f(1, 2)


def positional_as_keyword(turns):
    for i in range(turns):
        if i == turns - 1:
            positional_only(a=1)
        positional_only(1)


for function in (missing, too_many, unexpected, twice, missing_keyword, not_callable, positional_as_keyword):
    try:
        function(120)
    except TypeError:
        print(traceback.format_exc())


def evaluation_order(turns):
    log = []

    def note(x):
        log.append(x)
        return x

    for i in range(turns):
        del log[:]
        star_star(note(1), *[note(2)], *[note(3)], x=note(4), **{"y": note(5)})
        note(plain)(note(6), b=note(7))
    return [x if isinstance(x, int) else x.__name__ for x in log]


print(evaluation_order(100))
