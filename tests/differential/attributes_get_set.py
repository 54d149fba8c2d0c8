"""Attribute loads and stores in hot loops: instance dict, slots, properties, __getattr__, __getattribute__, __setattr__, descriptors, module attributes."""

import traceback
import types


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def norm(self):
        return self.x * self.x + self.y * self.y


class Slotted:
    __slots__ = ("x", "n")

    def __init__(self):
        self.x = 0.0
        self.n = 0


class Computed:
    def __init__(self):
        self.reads = 0

    @property
    def value(self):
        self.reads += 1
        return self.reads * 2

    @value.setter
    def value(self, v):
        self.reads -= v


class Fallback:
    known = 1

    def __getattr__(self, name):
        if name == "absent":
            raise AttributeError("no " + name)
        return len(name)


class Watched:
    log = []

    def __getattribute__(self, name):
        if name == "x":
            return 42
        return object.__getattribute__(self, name)

    def __setattr__(self, name, value):
        Watched.log.append((name, value))
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        Watched.log.append("del " + name)
        object.__delattr__(self, name)


class Descriptor:
    def __get__(self, instance, owner):
        return 5 if instance is None else instance.base

    def __set__(self, instance, value):
        instance.base = value + 1


class Described:
    d = Descriptor()

    def __init__(self):
        self.base = 0


def points(turns):
    p = Point(0, 1.0)
    total = 0.0
    for i in range(turns):
        p.x = p.x + i
        p.y *= 0.99
        total += p.norm() % 7
        p.x -= p.y > 0.5
    return total.hex(), p.x, p.y.hex(), list(p.__dict__)


def slots(turns):
    s = Slotted()
    for i in range(turns):
        s.n += i
        s.x = s.x + s.n * 0.5
    return s.n, s.x


def computed(turns):
    c = Computed()
    total = 0
    for i in range(turns):
        total += c.value
        if i % 10 == 0:
            c.value = 3
        if i % 100 == 50:
            c.value += 1
    return total, c.reads


def fallback(turns):
    f = Fallback()
    total = 0
    for i in range(turns):
        total += f.known + f.unknown
        if i == turns // 2:
            f.unknown = 100
        if i == turns - 10:
            del f.unknown
        total += getattr(f, "absent", 3) + hasattr(f, "absent") + getattr(f, "some" + "name")
    return total


def watched(turns):
    w = Watched()
    total = 0
    for i in range(turns):
        w.x = i
        total += w.x
        w.y = total
        if i % 40 == 0:
            del w.y
    return total, len(Watched.log), Watched.log[-4:]


def described(turns):
    d = Described()
    for i in range(turns):
        d.d = d.d + i
        d.__dict__["d"] = "ignored"
    return d.base, Described.d


def new_attributes(turns):
    """Instances of one class whose dicts have other shapes."""
    total = 0
    for i in range(turns):
        p = Point(i, 1)
        if i % 3 == 0:
            p.extra = 5
        elif i % 3 == 1:
            p.__dict__ = {"y": 2, "x": 3}
        elif i % 7 == 0:
            del p.x
            p.x = 8
        total = total * 3 % 100003 + p.x + p.y + len(p.__dict__) + p.norm()
    return total


def module_attribute(turns):
    m = types.ModuleType("m")
    m.a = 1
    total = 0
    for i in range(turns):
        total += m.a
        if i % 50 == 0:
            m.a += 1
            setattr(m, "n%d" % i, i)
    return total, sorted(k for k in vars(m) if k[0] != "_")


def missing_attribute(turns):
    p = Point(1, 2)
    for i in range(turns):
        if i == turns - 1:
            del p.y
        p.x += p.y


def missing_slot(turns):
    s = Slotted()
    for i in range(turns):
        if i == turns - 1:
            del s.x
        s.n += s.x


def read_only(turns):
    for i in range(turns):
        if i == turns - 1:
            p = 5
        else:
            p = Point(0, 0)
        p.x = i


print(points(400), slots(400), computed(300), fallback(200), watched(150), described(150), new_attributes(300), module_attribute(300))
for function in (missing_attribute, missing_slot, read_only):
    try:
        function(200)
    except AttributeError as e:
        print(traceback.format_exc())
        print(e.name)
