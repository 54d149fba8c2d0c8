"""What only compiled code refers to is garbage: classes, functions, modules whose loops were compiled die when they would die anyway."""

import gc
import sys
import types
import weakref

gc.disable()


def collected(references):
    gc.collect()
    return [reference() is None for reference in references]


# A class and its method, in a loop of a function that lives on.
def use_class(n):
    class C:
        factor = 2

        def method(self, x):
            return x * self.factor % 1001

        def loop(self, n):
            total = 0
            for i in range(n):
                total += self.method(i)
            return total

    c = C()
    total = c.loop(n)
    for i in range(n):
        total += c.method(i)
    return total, weakref.ref(C), weakref.ref(C.method)


for turn in range(4):
    total, *references = use_class(3000)
    print(total, [reference() is None for reference in references], collected(references))


# A module that is made again and again: its functions are compiled with its globals.
SOURCE = """
import math
class Point:
    def __init__(self, x):
        self.x = x
    def scaled(self):
        return scale(self.x)
def scale(x):
    return x * FACTOR
FACTOR = 3
def loop(n):
    total = 0.0
    for i in range(n):
        total += Point(i).scaled() + math.sqrt(4.0)
    return total
"""
COMPILED = compile(SOURCE, "made", "exec")
for compiled in (False, True):
    references = []
    for turn in range(6):
        module = types.ModuleType("made")
        exec(COMPILED if compiled else compile(SOURCE, "made", "exec"), module.__dict__)
        references += [weakref.ref(o) for o in (module, module.Point, module.scale, module.loop)]
        total = module.loop(3000)
        del module
    print(total, collected(references))


# The collector runs in the compiled loop itself, on what the loop has just dropped.
def in_the_loop(n):
    died = 0
    for i in range(n):
        if i % 500 == 499:
            class Short:
                def get(self):
                    return 1
            short, total = Short(), 0
            for j in range(1500):
                total += short.get()
            reference = weakref.ref(Short)
            del Short, short
            gc.collect()
            died += reference() is None
    return died, total


print(in_the_loop(4000))


# Metaclasses, a finalizer of a class, a callback of a weak reference.
class Meta(type):
    def __del__(cls):
        print("class", cls.__name__, "dies")


def with_meta(name):
    class Base(metaclass=Meta):
        def get(self):
            return len(name)

    Base.__name__ = name
    o = Base()
    total = 0
    for i in range(3000):
        total += o.get()
    return total, weakref.ref(Base, lambda _: print("callback for", name))


for name in ("one", "two", "three"):
    total, reference = with_meta(name)
    print(name, total, reference() is None)
    print(gc.collect() > 0, reference() is None)


# What lives on is not touched, and nobody sees who refers to it.
class Kept:
    def get(self):
        return 7


def keep(n):
    k = Kept()
    return sum([k.get() for i in range(n)])


print(keep(3000), keep(3000))
before = len(gc.get_referrers(Kept)), len(gc.get_referents(Kept)), len(gc.get_referents(Kept.get))
print(Kept in gc.get_referents(Kept), Kept.get in gc.get_referents(Kept.get), Kept in gc.get_referrers(Kept), before[1:])
for turn in range(3):
    gc.collect()
    print(keep(3000), Kept().get())
sys.modules["kept"] = sys.modules[__name__]
print(gc.collect() >= 0, keep(3000))
