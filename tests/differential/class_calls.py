"""Calls of classes with a Python __init__, hot: what the caller shows meanwhile, what dies when, errors, and classes that change."""

import abc
import sys
import traceback

log = []


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        frame = sys._getframe(1)
        log.append((self.name, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti))


def flush():
    print(*log)
    log.clear()


class Plain:
    pass


class Point:
    def __init__(self, x, y=2, *, z=3):
        self.x, self.y, self.z = x, y, z


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a = a
        self.b = b


class Many:
    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs


class Derived(Point):
    def __init__(self, x):
        super().__init__(x, x + 1)
        self.plain = Plain()


class Inherits(Derived):
    pass


def shapes(turns):
    total = 0
    for i in range(turns):
        p = Point(i)
        total += p.x + p.y + p.z
        p = Point(i, 5, z=i)
        total += p.x + p.y + p.z
        p = Point(y=i, x=1)
        total += p.x + p.y + p.z
        s = Slotted(i, p)
        total += s.a + s.b.y
        m = Many(i, 2, a=i)
        total += len(m.args) + m.kwargs["a"]
        total += Derived(i).y + Inherits(i).y
        total += Many().kwargs == {}
    return total


class Looks:
    def __init__(self, depth):
        frame = sys._getframe(depth)
        self.seen = (frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti, sorted(frame.f_locals))


def looking(turns):
    seen = set()
    for i in range(turns):
        a = Looks(0).seen
        b = Looks(1).seen
        seen.add((a[:3], b[:3], tuple(a[3]), tuple(b[3])))
    return sorted(seen)


class Forgets:
    def __init__(self, noisy, other=None):
        noisy = None
        log.append("forgot")
        self.other = other


def deaths(turns):
    for i in range(turns):
        Forgets(Noisy("argument"), Noisy("other"))
        log.append("after")
    f = Forgets(Noisy("last"))
    return f


class Fails:
    def __init__(self, noisy, n):
        self.noisy = noisy
        self.mark = Noisy("mark")
        if n % 3 == 0:
            raise ValueError(n)

    def __del__(self):
        log.append("fails dies")


def failing(turns):
    for i in range(turns):
        try:
            Fails(Noisy("argument"), i)
        except ValueError as e:
            log.append(("caught", e.args, [(t.name, t.lineno - failing.__code__.co_firstlineno) for t in traceback.extract_tb(e.__traceback__)]))


class Returns:
    def __init__(self, value):
        return value

    def __del__(self):
        log.append("returns dies")


class Yields:
    def __init__(self):
        yield 1


async def waiting(self):
    pass


class Waits:
    __init__ = waiting


def wrong(turns):
    texts = set()
    for i in range(turns):
        for class_, args in (Returns, (i,)), (Returns, (Noisy,)), (Yields, ()), (Plain, ()), (Returns, (None,)):
            try:
                if args:
                    class_(args[0])
                else:
                    class_()
            except TypeError as e:
                texts.add((str(e), len(traceback.extract_tb(e.__traceback__))))
    return sorted(texts)


def bad_arguments(turns):
    texts = set()
    for i in range(turns):
        try:
            Point()
        except TypeError as e:
            texts.add((str(e), len(traceback.extract_tb(e.__traceback__))))
        try:
            Point(1, 2, 3)
        except TypeError as e:
            texts.add(str(e))
        try:
            Point(1, x=2)
        except TypeError as e:
            texts.add(str(e))
        try:
            Plain(Noisy("excess"))
        except TypeError as e:
            texts.add(str(e))
        try:
            Slotted(Noisy("first"))
        except TypeError as e:
            texts.add(str(e))
    return sorted(map(str, texts))


class Abstract(abc.ABC):
    def __init__(self):
        self.x = 1

    @abc.abstractmethod
    def f(self):
        pass


class Concrete(Abstract):
    def f(self):
        return 1


class Meta(type):
    def __call__(cls, *args):
        return ("meta", super().__call__(*args).x)


class WithMeta(metaclass=Meta):
    def __init__(self, x):
        self.x = x


class New:
    def __new__(cls, x):
        self = super().__new__(cls)
        self.new = x
        return self

    def __init__(self, x):
        self.x = x


class Int(int):
    def __init__(self, x):
        self.twice = 2 * x


class Error(Exception):
    def __init__(self, a, b):
        super().__init__(a)
        self.b = b


def others(turns):
    total = 0
    refused = set()
    for i in range(turns):
        total += Concrete().x
        try:
            Abstract()
        except TypeError as e:
            refused.add(str(e))
        total += WithMeta(i)[1] + New(i).x + Int(i).twice + Error(i, i).b
    return total, refused


class Changes:
    def __init__(self, x):
        self.x = x


def changing(turns):
    seen = []

    def other(self, x):
        self.x = -x

    for i in range(turns):
        if i == turns // 6:
            Changes.__init__ = other
        if i == turns // 3:
            other.__code__ = (lambda self, x: setattr(self, "x", x * 100)).__code__
        if i == turns // 2:
            Changes.__new__ = lambda cls, x: Plain()
        if i == turns * 2 // 3:
            del Changes.__new__
        if i == turns * 5 // 6:
            del Changes.__init__
        try:
            value = getattr(Changes(i), "x", "none")
        except TypeError as e:
            value = str(e)
        if i % (turns // 12) == 1:
            seen.append(value)
    return seen


class Nested:
    def __init__(self, depth):
        self.child = Nested(depth - 1) if depth else None

    def count(self):
        return 1 + (self.child.count() if self.child else 0)


def profiled(turns):
    events = []

    def profile(frame, event, arg):
        events.append((event, frame.f_code.co_name))

    class Starts:
        def __init__(self, i):
            if i == turns - 3:
                sys.setprofile(profile)
            if i == turns - 1:
                sys.setprofile(None)
            self.i = i

    for i in range(turns):
        Starts(i)
    return events


def traced(turns):
    events = []

    def trace(frame, event, arg):
        events.append((event, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))
        return trace

    class Starts:
        def __init__(self, i):
            if i == turns - 3:
                sys.settrace(trace)
                sys._getframe(1).f_trace = trace
            if i == turns - 1:
                sys.settrace(None)
            self.i = i

    for i in range(turns):
        Starts(i)
    return events


kept = []


class Keeps:
    def __init__(self, x):
        kept.append(sys._getframe())
        self.x = x


def keeping(turns):
    for i in range(turns):
        Keeps(i)
        frame = kept.pop()
        assert frame.f_locals["x"] == i and frame.f_back is sys._getframe(), i
    return i


for turns in 10, 60, 400:
    print(turns, shapes(turns))
    print(looking(turns))
    print(wrong(turns))
    print(bad_arguments(turns))
    print(others(turns))
    print(sum(Nested(i % 7).count() for i in range(turns)))
    print(keeping(turns))
for turns in 4, 60:
    log.clear()
    deaths(turns)
    flush()
    failing(turns)
    flush()
    print(profiled(turns + 5))
    print(traced(turns + 5))
print(changing(240))
