"""Python functions that C code calls while they are warm: arguments, defaults, frames, deaths, exceptions, changes."""
import functools
import sys


class Dead:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append((self.name, sys._getframe(1).f_code.co_name))


log = []


def key(x, sign=-1, *, other=3):
    return x * sign


def with_default(x, y=5):
    return x + y


def where(x):
    frame = sys._getframe()
    return (frame.f_lineno - where.__code__.co_firstlineno, frame.f_back.f_code.co_name, frame.f_locals["x"])


def keeps(x):
    local = Dead("local%d" % x)
    frames.append(sys._getframe())
    return x


def dies(x):
    local = Dead("local%d" % x)
    return x


def fails(x):
    if x == 37:
        raise ValueError(x)
    return x


def numbers(x):
    yield x
    yield x + 1


frames = []

for turn in range(60):
    assert sorted(range(9), key=key) == list(range(8, -1, -1))
    assert list(map(with_default, range(3))) == [5, 6, 7]
    assert list(map(with_default, range(3), range(3))) == [0, 2, 4]
    assert [list(g) for g in map(numbers, (1, 2))] == [[1, 2], [2, 3]]
    assert functools.reduce(with_default, range(5)) == 10
print(list(map(where, range(40)))[-1])
print(sum(map(dies, range(40))), log[-1], len(log))
log.clear()
print(sum(map(keeps, range(40))), len(log))
print(frames[-1].f_locals["x"], frames[-1].f_back.f_code.co_name, frames[3].f_code.co_name)
frames.clear()
print(len(log), log[-1])
try:
    list(map(fails, range(60)))
except ValueError as e:
    tb = e.__traceback__
    print(e.args, [(tb.tb_frame.f_code.co_name), tb.tb_next.tb_frame.f_code.co_name, tb.tb_next.tb_next is None])

# Wrong numbers of arguments.
for function, args in ((with_default, ()), (with_default, (1, 2, 3)), (key, (1, 2, 3))):
    try:
        functools.partial(function, *args)()
    except TypeError as e:
        print(e)

# Defaults and code change.
with_default.__defaults__ = (100,)
print(list(map(with_default, range(3))))
with_default.__defaults__ = None
try:
    print(list(map(with_default, range(3))))
except TypeError as e:
    print(e)
with_default.__code__ = where.__code__
print(next(map(with_default, [7]))[2])
with_default.__code__ = (lambda *a, **k: (a, k)).__code__
print(next(map(with_default, [7])))


# Deep recursion through C.
def deep(n):
    return max([n], key=deep_key)


def deep_key(n):
    return 0 if n == 0 else deep(n - 1)


for _ in range(60):
    deep(3)
try:
    deep(10 ** 6)
except RecursionError as e:
    print(str(e)[:32])


# Tracing switched on in such a call, and off again.
events = []


def tracer(frame, event, arg):
    events.append((event, frame.f_code.co_name))
    return tracer


def switches(x):
    if x == 50:
        sys.settrace(tracer)
    if x == 53:
        sys.settrace(None)
    return x


print(sum(map(switches, range(60))), events)
print(sum(switches(x) for x in range(60)), len(events))


# Attributes of many types at one site, with slots.
def classes(n):
    return [type("S%d" % i, (), {"__slots__": ("x", "y"), "m": lambda self, i=i: i}) for i in range(n)]


def total(objects):
    result = 0
    for o in objects:
        o.x = o.x + 1
        result += o.x + o.m()
    return result


objects = [c() for c in classes(9)]
for o in objects:
    o.x = 0
for turn in range(400):
    total(objects)
print(total(objects))
del objects[4].x
try:
    total(objects)
except AttributeError as e:
    print(e)


# Subclasses of dict and list: their __getitem__ is C's, until a class gets its own.
class D(dict):
    pass


class Missing(dict):
    def __missing__(self, key):
        return -key


class L(list):
    pass


class P:
    def __getitem__(self, i):
        return i


def item(o, k):
    return o[k]


for turn in range(300):
    item(P(), 1)
for turn in range(300):
    assert item(D({1: 2}), 1) == 2
    assert item(Missing({1: 2}), 3) == -3
    assert item(L([1, 2]), 1) == 2


def item_of_d(o, k):
    return o[k]


for turn in range(300):
    assert item_of_d(D({1: 2}), 1) == 2
try:
    item_of_d(D(), "absent")
except KeyError as e:
    print(repr(e))
D.__getitem__ = lambda self, k: "own"
print(item_of_d(D({1: 2}), 1))
del D.__getitem__
print(item_of_d(D({1: 2}), 1))


# Classes with a metaclass that calls them as type does, until it does not.
class Meta(type):
    pass


class Made(metaclass=Meta):
    def __init__(self, x, y=2):
        self.x = x + y


def make(x):
    return Made(x)


for turn in range(300):
    assert make(turn).x == turn + 2
Meta.__call__ = lambda cls, *args: ("called", args)
print(make(1))
del Meta.__call__
print(make(1).x)


class Other(type):
    def __call__(cls, *args):
        return "other"


Made.__class__ = Other
print(make(1))
Made.__class__ = Meta
print(make(1).x)


# Numbers that are all kept.
def kept(n):
    return [i * 3 for i in range(1000, n)], [-i for i in range(1000, n)], [i * 0.5 for i in range(n)], [-(i * 1.5) for i in range(n)]


for turn in range(5):
    a, b, c, d = kept(2000)
print(sum(a), sum(b), sum(c), sum(d))
print(sum([x * 2 ** 20 for x in range(3000, 3100)]), (-(2 ** 29) - 2 ** 29) * 4)
