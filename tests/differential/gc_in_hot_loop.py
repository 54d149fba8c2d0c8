"""Garbage cycles with __del__ made in a hot loop, gc.collect in callees and callbacks, gc thresholds: who dies is exact."""

import gc
import weakref

gc.disable()
log = []


class Node:
    def __init__(self, n):
        self.n = n
        self.me = self

    def __del__(self):
        log.append(self.n)


def makes_cycles(turns):
    for i in range(turns):
        node = Node(i)
        node.other = [node]
    return i


def collects_each(turns):
    total = 0
    for i in range(turns):
        node = Node(i)
        node = None
        if i % 20 == 0:
            total += gc.collect() > 0
    return total


def collect_in_callee(turns):
    x = Node("kept")
    for i in range(turns):
        y = x
        collect(i)
        y.n = i
    x.me = None
    return y.n


def collect(i):
    if i % 25 == 0:
        gc.collect()


def frame_cycles(turns):
    import sys
    for i in range(turns):
        f = sys._getframe()
        data = [f, i]
        f = data = None
    return i


def functions_in_cycles(turns):
    refs = []
    for i in range(turns):
        def f():
            return f
        refs.append(weakref.ref(f))
    f = None
    alive = sum(r() is not None for r in refs)
    gc.collect()
    return alive, sum(r() is not None for r in refs)


def callback_collects(turns):
    count = 0

    def gone(ref):
        nonlocal count
        count += 1
        gc.collect()

    for i in range(turns):
        s = {i}
        r = weakref.ref(s, gone)
        s = None
    return count


def tracked(turns):
    n = 0
    for i in range(turns):
        t = (i, 0.5)
        u = [t]
        n += gc.is_tracked(u) + gc.is_tracked({}) + gc.is_tracked(i)
    return n


print(makes_cycles(150), len(log))
gc.collect()
print(len(log), sorted(log)[:3], sorted(log)[-3:])
del log[:]
print(collects_each(200), len(log), sorted(log)[-3:])
gc.collect()
del log[:]
print(collect_in_callee(150), log)
print(frame_cycles(100), functions_in_cycles(100), callback_collects(50), tracked(100))
gc.collect()
del log[:]

gc.enable()
gc.set_threshold(10, 2, 2)
collections = []
gc.callbacks.append(lambda phase, info: collections.append(phase))


def allocates(turns):
    keep = []
    for i in range(turns):
        node = Node(i)
        keep.append((i, node.n))
    return len(keep), sum(a == b for a, b in keep)


print(allocates(500), len(log) > 300, len(collections) > 5)
gc.callbacks.clear()
gc.set_threshold(700, 10, 10)
gc.collect()
print(len(log), sorted(log) == list(range(500)))


def referrers(turns):
    """A local of a running frame keeps its object, and nothing else refers to it."""
    kept = [1, 2, 3]
    for i in range(turns):
        alias = kept
    gc.collect()
    alias = None
    return [type(r).__name__ for r in gc.get_referrers(kept) if not isinstance(r, type(None))], kept


print(referrers(200)[1])


def resurrection(turns):
    saved = []

    class Lazarus:
        def __del__(self):
            saved.append(self)

    for i in range(turns):
        x = Lazarus()
        x.i = i
    x = None
    return [s.i for s in saved][-3:], len(saved)


print(resurrection(120))
