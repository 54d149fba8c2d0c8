"""sys.getrefcount, relative to a first reading, of locals, items, arguments and globals inside hot loops and after exits."""

import sys

getrefcount = sys.getrefcount


class Thing:
    pass


def local(turns):
    x = Thing()
    base = getrefcount(x)
    seen = set()
    for i in range(turns):
        y = x
        seen.add(getrefcount(x) - base)
        z = (x, y)
        seen.add(getrefcount(x) - base)
        y = z = None
        seen.add(getrefcount(x) - base)
    return sorted(seen), getrefcount(x) - base


def argument(x, base):
    return getrefcount(x) - base


def two_arguments(x, y, base):
    z = x
    return getrefcount(x) - base


def passed(turns):
    x = Thing()
    base = getrefcount(x)
    seen = set()
    for i in range(turns):
        seen.add(argument(x, base))
        seen.add(two_arguments(x, x, base))
        seen.add(argument(base=base, x=x))
    return sorted(seen), getrefcount(x) - base


def floats(turns):
    x = 0.5
    seen = []
    for i in range(turns):
        x = x * 1.0625
        if i % 30 == 29:
            keep = x
            seen.append(getrefcount(x))
            other = [x, x]
            seen.append(getrefcount(x))
            keep = other = None
            seen.append(getrefcount(x))
            x = x % 10.0
    return seen


def big_ints(turns):
    x = 1 << 40
    seen = set()
    for i in range(turns):
        x = x + i
        y = x
        seen.add(getrefcount(x))
        y = 0
        seen.add(getrefcount(x))
    return sorted(seen)


def items(turns):
    x = Thing()
    data = [x] * 5
    base = getrefcount(x)
    for i in range(turns):
        y = data[i % 5]
        data[i % 5] = y
        a, b = data[0], data[1]
        if i % 40 == 39:
            data[i % 5] = None
            data[i % 5] = x
    y = a = b = None
    return getrefcount(x) - base


def exits(turns):
    x = Thing()
    base = getrefcount(x)
    total = 0
    for i in range(turns):
        y = x
        z = i
        if i % 7 == 0:
            z = i * 0.5
        elif i % 11 == 0:
            z = y
        total += z is y
        try:
            if i % 13 == 0:
                1 // (z and 0)
        except ZeroDivisionError:
            y = None
    z = y = None
    return total, getrefcount(x) - base


def exceptions(turns):
    x = Thing()
    base = getrefcount(x)
    for i in range(turns):
        try:
            argument(x, [x] if i % 3 else base)
        except TypeError as e:
            caught = getrefcount(x) - base
    return caught, getrefcount(x) - base


shared = Thing()


def global_object(turns):
    base = getrefcount(shared)
    seen = set()
    for i in range(turns):
        y = shared
        seen.add(getrefcount(shared) - base)
        del y
        seen.add(getrefcount(shared) - base)
    return sorted(seen)


def attribute(turns):
    h = Thing()
    h.x = x = Thing()
    base = getrefcount(x)
    seen = set()
    for i in range(turns):
        seen.add(getrefcount(h.x) - base)
        y = h.x
        h.y = y
        seen.add(getrefcount(y) - base)
        h.x = h.y
        del h.y
        y = None
    return sorted(seen), getrefcount(x) - base


def code_objects(turns):
    """Counts of the function and its code while and after being inlined."""
    before = getrefcount(argument), getrefcount(argument.__code__), getrefcount(Thing)
    x = Thing()
    for i in range(turns):
        argument(x, 0)
    x = None
    after = getrefcount(argument), getrefcount(argument.__code__), getrefcount(Thing)
    return [a - b for a, b in zip(after, before)]


for function in (local, passed, floats, big_ints, items, exits, exceptions, global_object, attribute, code_objects):
    print(function.__name__, function(300), function(300))
