"""A number that finds no memory in warm code: the `except` around the operation catches it, wherever the operands come from."""

from array import array

try:
    from _testcapi import remove_mem_hooks, set_nomemory
except ImportError:  # not installed everywhere
    remove_mem_hooks = set_nomemory = None


def stacked(a, b):
    try:
        return a[0] + b[0]
    except MemoryError:
        return None


def local(a, b):
    x, y = a[0], b[0]
    try:
        return x + y
    except MemoryError:
        return None


def constant(a, b):
    try:
        return a[0] * 3
    except MemoryError:
        return None


def negative(a, b):
    x = a[0]
    try:
        return -x
    except MemoryError:
        return None


def item(a, b):
    try:
        return b[0]
    except MemoryError:
        return None


def leaves_without_memory(function, a, b):
    """Whether one call of many left the function by an exception. What it gives is kept, so that no number is free for the next one."""
    kept = [None] * 60
    left = False
    for i in range(60):
        set_nomemory(0, 0)
        try:
            kept[i] = function(a, b)
        except MemoryError:
            left = True
        finally:
            remove_mem_hooks()
    return left


CASES = [(f, *operands) for f in (stacked, local, constant, negative) for operands in (([70_001], [80_001]), ([1.5], [2.5]), ([70_001], [2.5]))]
CASES += [(item, None, array(kind, [70_001])) for kind in "ild"]

for function, a, b in CASES:
    for i in range(300):
        result = function(a, b)
    print(function.__name__, result, leaves_without_memory(function, a, b) if set_nomemory else False)
