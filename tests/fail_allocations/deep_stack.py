"""Loops are entered at all heights of the data stack, and their exits push frames while it can't grow. (CPython's evaluator crashes when it can't.)"""

import ctypes
import sys


class Arenas(ctypes.Structure):
    _fields_ = [("ctx", ctypes.c_void_p), ("alloc", ctypes.c_void_p), ("free", ctypes.c_void_p)]


usual = Arenas()
ctypes.pythonapi.PyObject_GetArenaAllocator(ctypes.byref(usual))
# Called with a null pointer and a size, it gives 0: no memory.
none = ctypes.cast(ctypes.CDLL(None).labs, ctypes.c_void_p)
refusing = Arenas(usual.ctx, none.value, usual.free)
if "coluber" not in sys.builtin_module_names:
    refusing = usual
usual, refusing = ctypes.byref(usual), ctypes.byref(refusing)
use = ctypes.pythonapi.PyObject_SetArenaAllocator


def leaf(i, x):
    a, b, c = i, x, x + i
    return c if i % 3 else b - a


def middle(i, x):
    y = leaf(i, x)
    return y + 1


def loop():
    total = 0.0
    for i in range(40):
        if i:
            total = middle(i, total)
    return total


def looks(i):
    sorted([i, -i], key=lambda v: leaf(v, i))
    return i


def loop_that_looks():
    total = 0
    for i in range(40):
        if i:
            total += looks(i)
    return total


def at_height(height, arenas):
    if height:
        return at_height(height - 1, arenas)
    use(arenas)
    try:
        return loop() + loop_that_looks()
    except MemoryError:
        return None
    finally:
        use(usual)


def main():
    expected = at_height(0, usual)
    wrong = failed = 0
    for height in range(0, 260):
        for arenas in usual, refusing, refusing:
            result = at_height(height, arenas)
            wrong += result != expected and (arenas is usual or result is not None)
            failed += result is None
    # Only where a chunk ends.
    return expected, wrong, failed < 50
