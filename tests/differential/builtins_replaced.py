"""builtins.abs, len, min, max, isinstance, range, sum, print, int replaced in the middle of a hot loop and put back."""

import builtins


def use_abs(turns, at):
    original = builtins.abs
    total = 0
    for i in range(turns):
        if i == at:
            builtins.abs = lambda x: 7
        if i == at + 50:
            builtins.abs = original
        total += abs(i - 100)
    builtins.abs = original
    return total


def use_len(turns, at):
    original = builtins.len
    data = [1, 2, 3]
    total = 0
    for i in range(turns):
        if i == at:
            builtins.len = lambda x: "x" if i % 2 else 2
        if i == at + 1:
            builtins.len = original
        n = len(data)
        total += n if n != "x" else 100
    return total


def use_min_max(turns, at):
    keep = builtins.min, builtins.max
    total = 0
    for i in range(turns):
        if i == at:
            builtins.min, builtins.max = builtins.max, builtins.min
        total += min(i, 100) * 3 - max(i, 100)
    builtins.min, builtins.max = keep
    return total


def use_isinstance(turns, at):
    original = builtins.isinstance
    n = 0
    for i in range(turns):
        if i == at:
            builtins.isinstance = lambda x, t: not original(x, t)
        if isinstance(i, int):
            n += 1
        else:
            n -= 5
    builtins.isinstance = original
    return n


def use_range(turns, at):
    original = builtins.range
    n = 0
    for i in original(turns):
        if i == at:
            builtins.range = lambda k: (9, 9)
        for j in range(3):
            n += j
    builtins.range = original
    return n


def use_float_int(turns, at):
    keep = builtins.float, builtins.int
    s = 0
    for i in range(turns):
        if i == at:
            builtins.float, builtins.int = builtins.int, builtins.float
        s += float(i) / 2 + int(i * 0.5)
    builtins.float, builtins.int = keep
    return s


def shadowed_by_global(turns, at):
    total = 0
    for i in range(turns):
        if i == at:
            globals()["abs"] = lambda x: -1
        total += abs(-i)
    del globals()["abs"]
    for i in range(turns):
        total += abs(-i)
    return total


def local_builtins(turns):
    """A function whose globals carry their own __builtins__."""
    space = {"__builtins__": {"abs": lambda x: 3, "range": range}}
    exec("def f(n):\n    t = 0\n    for i in range(n):\n        t += abs(i)\n    return t", space)
    first = space["f"](turns)
    space["__builtins__"]["abs"] = lambda x: 4
    return first, space["f"](turns)


for at in (10, 120, 199):
    print(use_abs(250, at), use_len(250, at), use_min_max(250, at), use_isinstance(250, at), use_range(250, at), use_float_int(250, at), shadowed_by_global(250, at))
print(local_builtins(200))


def new_builtin(turns):
    total = 0
    for i in range(turns):
        if i == 100:
            builtins.fresh = 5
        if i > 100:
            total += fresh
    del builtins.fresh
    return total


print(new_builtin(200))
