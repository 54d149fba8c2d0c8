"""import, from-import, reload and module attribute changes inside hot loops."""

import importlib
import sys
import types


def imports(turns):
    total = 0
    for i in range(turns):
        import math
        from math import sqrt as root, floor
        import os.path as p
        total += root(i) + floor(i * 0.5) + math.pi + len(p.sep)
    return total.hex()


def changed_attribute(turns):
    m = types.ModuleType("changing")
    m.value = 1
    m.f = lambda x: x + 1
    sys.modules["changing"] = m
    total = 0
    for i in range(turns):
        from changing import f
        import changing
        total += f(i) * changing.value
        if i == 80:
            changing.value = 0.5
        if i == 120:
            changing.f = lambda x: -x
        if i == 160:
            fresh = types.ModuleType("changing")
            fresh.value = 3
            fresh.f = int
            sys.modules["changing"] = fresh
    del sys.modules["changing"]
    return total


def missing(turns):
    n = 0
    for i in range(turns):
        try:
            import no_such_module_here
        except ImportError as e:
            n += len(str(e))
        try:
            from math import no_such_name
        except ImportError as e:
            n += e.name == "math"
    return n


def reloaded(turns):
    """A module reloaded many times, each with a hot function."""
    m = types.ModuleType("reloaded")
    source = "def f(n):\n    t = 0\n    for i in range(n):\n        t += i * K\n    return t\n"
    total = 0
    for k in range(turns):
        m.K = k
        exec(source, m.__dict__)
        total += m.f(30)
    return total


def module_getattr(turns):
    m = types.ModuleType("lazy")
    m.__getattr__ = lambda name: len(name)
    total = 0
    for i in range(turns):
        total += m.abc + m.something
        if i == turns // 2:
            m.abc = 100
    return total


print(imports(100), changed_attribute(200), missing(60), reloaded(60), module_getattr(100))
print(importlib.import_module("math").sqrt(16))
