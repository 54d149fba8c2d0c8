"""super().method() at hot sites: several subclasses, methods that change, first arguments and __class__ cells that do, errors."""

import builtins
import traceback


class Base:
    def f(self, x=0):
        return ("Base", x)

    @classmethod
    def made(cls):
        return cls.__name__

    @staticmethod
    def static(x):
        return x

    @property
    def value(self):
        return 7

    def __getattr__(self, name):
        return "dynamic " + name


class Middle(Base):
    def f(self, x=0):
        return ("Middle",) + super().f(x)


class Left(Middle):
    def f(self, x=0):
        return ("Left",) + super().f(x)

    @classmethod
    def made(cls):
        return "Left" + super().made()

    def others(self):
        return super().static(3), super().value, super().made(), super().__class__.__name__, super().__repr__()[:9]

    def missing(self):
        return super().nothing()

    def captured(self):
        return [self for _ in "a"][0] is self and (lambda: super(Left, self).f(2))(), super().f(3)

    def rebound(self, other):
        self = other
        return super().f(4)

    def deleted(self):
        del self
        return super().f(4)

    def changed(self, other):
        __class__ = other
        return super().f(5)

    def shadowed(self):
        self.f = lambda x: "own"
        try:
            return super().f(6)
        finally:
            del self.f

    def generator(self):
        yield super().f(8)


class Right(Base):
    def f(self, x=0):
        return ("Right",) + super().f(x)


class Both(Left, Right):
    def f(self, x=0):
        return ("Both",) + super().f(x)


def make():
    class Inner(Base):
        def f(self, x=0):
            nonlocal_set = x
            return ("Inner", nonlocal_set) + super().f(x)

        def set_class(self, value):
            nonlocal __class__
            __class__ = value

        def through(self):
            return super().f(10)

    return Inner


def attempt(call, *args):
    try:
        return call(*args)
    except Exception as e:
        return type(e).__name__, str(e), len(traceback.extract_tb(e.__traceback__))


def run(turns):
    seen = {}
    objects = [Left(), Both(), Middle(), Right(), Left()]
    for i in range(turns):
        for k, o in enumerate(objects):
            seen[k] = o.f(i % 3)
        left, both = objects[:2]
        seen["made"] = left.made(), both.made(), Left.made(), Both.made()
        seen["others"] = left.others(), both.others()
        seen["missing"] = attempt(left.missing)
        seen["captured"] = left.captured(), both.captured()
        seen["rebound"] = attempt(left.rebound, both), attempt(left.rebound, 3), attempt(both.rebound, Right())
        seen["deleted"] = attempt(left.deleted)
        seen["changed"] = attempt(left.changed, int)
        seen["shadowed"] = left.shadowed()
        seen["generator"] = list(both.generator())
        seen["called wrongly"] = attempt(Left.f, 1), attempt(Left.f, Base()), attempt(Left.f, Left), attempt(Left.f)
    return seen


def cells(turns):
    inner = make()
    o, seen = inner(), []
    for i in range(turns):
        if i == turns // 3:
            o.set_class(Base)
        if i == turns * 2 // 3:
            o.set_class(3)
        if i == turns * 5 // 6:
            o.set_class(inner)
        seen.append(str(attempt(o.through)))
    return [seen[i * len(seen) // 12] for i in range(12)]


def changing(turns):
    seen, o = [], Both()
    original = Right.f, Base.f
    for i in range(turns):
        if i == turns // 7:
            Right.f = lambda self, x: ("new",)
        if i == turns * 2 // 7:
            del Right.f
        if i == turns * 3 // 7:
            Base.f = classmethod(lambda cls, x: (cls.__name__,))
        if i == turns * 4 // 7:
            Right.f, Base.f = original
        if i == turns * 5 // 7:
            o.__class__ = Left
        if i == turns * 6 // 7:
            builtins.super = lambda: type("S", (), {"f": lambda self, x: ("replaced",)})()
        seen.append(o.f(1))
    del builtins.super
    builtins.super = plain_super
    o.__class__ = Both
    Both.__bases__ = (Right, Left)
    seen.append(o.f(2))
    Both.__bases__ = (Left, Right)
    seen.append(o.f(2))
    return [seen[i * len(seen) // 14] for i in range(14)] + seen[-2:]


def deep(n):
    class A:
        def f(self, n):
            return 0

    class B(A):
        def f(self, n):
            return super().f(n) if n == 0 else 1 + self.f(n - 1)

    return B().f(n)


plain_super = super
for turns in 10, 70, 300:
    print(run(turns))
    print(cells(turns))
    print(changing(turns))
for n in 10, 500:
    print(deep(n))
low, high = 1, 3000
while low < high:
    middle = (low + high) // 2
    result = attempt(deep, middle)
    low, high = (middle + 1, high) if result == middle else (low, middle)
print(low, result[:2] if type(result) is tuple else "")
