"""Attributes at sites that see many types, and look-ups that no site keeps for itself: hooks, class defaults, descriptors that change."""

import enum
import sys


def lines(f, *args):
    try:
        return f(*args)
    except Exception as e:
        return type(e).__name__, str(e)


# One site, many types: inline values, slots, class values, properties, dicts of their own, C types.
def make(i):
    body = {"common": i, "method": lambda self: ("m", i)}
    if i % 3 == 0:
        body["__slots__"] = ("value", "__dict__")
    if i % 5 == 0:
        body["value"] = property(lambda self: "property %d" % i, lambda self, v: None)
        body.pop("__slots__", None)
    return type("T%d" % i, (tuple,) if i % 7 == 0 and i % 3 else (), body)


def get(o):
    return o.value


def put(o, v):
    o.value = v


def call(o):
    return o.method()


def shared(o):
    return o.common


objects = [make(i)() for i in range(12)]
for turn in range(60):
    for o in objects:
        put(o, turn)
        result = get(o), call(o), shared(o)
    if turn == 30:
        for i, o in enumerate(objects):
            if i % 2 and hasattr(o, "__dict__"):
                o.__dict__["extra%d" % turn] = 1
                o.__dict__["common"] = "own %d" % i
    if turn == 40:
        type(objects[3]).common = "changed"
        type(objects[4]).method = lambda self: "changed too"
        objects[8].method = lambda: "instance's"
    if turn in (0, 29, 31, 39, 41, 59):
        print(turn, [(get(o), call(o), shared(o)) for o in objects])
print([lines(get, o) for o in (1, "x", len, type, sys, None)])


# `__getattr__` is asked last, and only then.
class Hooked:
    default = 1

    def __init__(self):
        self.own = 2

    def __getattr__(self, name):
        if name == "none":
            raise AttributeError("no " + name)
        return "hook " + name

    def method(self):
        return "method"

    @property
    def failing(self):
        raise AttributeError("inner")


def use(o):
    return o.default, o.own, o.missing, o.method(), o.failing, o.other(1) if hasattr(o, "callable") else None


class Sub(Hooked):
    def other(self, x):
        return x


for turn in range(100):
    result = use(Sub())
print(result, lines(lambda: Sub().none))
Hooked.missing = "now there"
print(use(Sub()))
Hooked.__getattribute__ = lambda self, name: "all " + name if name in ("own", "default") else object.__getattribute__(self, name)
print(use(Sub()))
del Hooked.__getattribute__
print(use(Sub()))


# What a class has before its instances do.
class Plain:
    state = None
    count = 0


class Maker:
    """A descriptor in the making."""


class Holder:
    thing = Maker()
    other = Maker()

    def __init__(self):
        self.thing = "own"


def default(o):
    before = o.state, o.count
    o.state = "set"
    o.count += 1
    return before, o.state, o.count


for turn in range(60):
    result = default(Plain())
print(result)
o = Plain()
default(o)
del o.state
print(o.state, o.count, lines(default, o))


def things(o):
    return o.thing, type(o.other).__name__


h = Holder()
for turn in range(60):
    result = things(h)
print(result)
Maker.__get__ = lambda self, o, t: "got"
print(things(h))
Maker.__set__ = lambda self, o, v: print("set", v)
print(things(h))
h.thing = 3
del Maker.__get__
print(things(h)[0])
del Maker.__set__
print(things(h)[0])


def store(o, v):
    o.thing = v
    return o.thing


for turn in range(60):
    store(h, turn)
Maker.__set__ = lambda self, o, v: print("set", v)
print(store(h, "x"))
del Maker.__set__


# Classes as owners: members of an enum, of metaclasses, with hooks and without.
class Meta(type):
    level = 7

    def __getattr__(cls, name):
        return "meta " + name

    @property
    def size(cls):
        return len(cls.__name__)

    def upper(cls):
        return cls.__name__.upper()


class Color(enum.Enum):
    RED = 1
    BLUE = 2

    @classmethod
    def pick(cls, n):
        return cls(n)


class A(metaclass=Meta):
    x = 1
    maker = Maker()

    @staticmethod
    def s():
        return "s"

    @classmethod
    def c(cls):
        return cls.__name__

    def f(self):
        return "f"


class B(A):
    x = 2


def classes(c):
    return c.x, c.level, c.size, c.upper(), c.nothing, c.s(), c.c(), c.f(None), c.__name__, c.__mro__[0] is c, type(c.maker).__name__


def colors():
    return Color.RED.name, Color.BLUE.value, Color.pick(1) is Color.RED, Color.RED is Color.RED, lines(lambda: Color.GREEN)


for turn in range(80):
    result = classes(A), classes(B), colors()
print(result)
B.x = 3
Meta.level = property(lambda cls: "property")
Maker.__get__ = lambda self, o, t: (o, t.__name__)
print(classes(A), classes(B))
Meta.level = 8
A.level = "class's own"
print(classes(A), classes(B))
Meta.level = property(lambda cls: "property again")
print(classes(A), classes(B))
del Maker.__get__


# Deaths and frames: the owner's last reference is the operand.
class Dying:
    def __init__(self, name):
        self.name = name

    @property
    def shown(self):
        return self.name, sys._getframe(1).f_lineno - sys._getframe(1).f_code.co_firstlineno

    def __del__(self):
        frame = sys._getframe(1)
        deaths.append((type(self.name).__name__, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))


class Dying2(Dying):
    pass


class Dying3(Dying):
    name = None


class Dying4(Dying):
    __slots__ = ("name",)


class Dying5(Dying):
    def __getattr__(self, name):
        return name


deaths = []


def dying(c, n):
    a = c(n).name
    b = c(n).shown
    c(n).name = c("value")
    return a, b


for turn in range(40):
    deaths.clear()
    result = [dying(c, i) for i, c in enumerate((Dying, Dying2, Dying3, Dying4, Dying5, Dying))]
print(result)
print(deaths)
del Dying.__del__


# Dicts that are not plain: str subclasses as names, keys that are no strings.
class Name(str):
    __hash__ = str.__hash__

    def __eq__(self, other):
        compared.append(str(other))
        return str.__eq__(self, other)


compared = []


class Odd:
    def f(self):
        return "class's"


def odd(o):
    return o.f()


o = Odd()
for turn in range(50):
    odd(o)
    odd(type("P", (), {"f": lambda self: 1})())
o.__dict__[Name("f")] = lambda: "found"
print(odd(o), compared)
o.__dict__[1] = 2
print(odd(o))


# What was looked up holds no name any longer when CPython's own cache of look-ups is emptied.
def rare(o):
    return o.rarely_asked_for


rare_name = rare.__code__.co_names[0]
types_of_rare = [type("R%d" % i, (), {rare_name: i}) for i in range(40)]
sys._clear_type_cache()
before = sys.getrefcount(rare_name)
for turn in range(60):
    total = sum(rare(t()) for t in types_of_rare)
sys._clear_type_cache()
print(total, sys.getrefcount(rare_name) - before, sys._clear_type_cache.__name__, sys._clear_type_cache())
print([rare(t()) for t in types_of_rare] == list(range(40)))
