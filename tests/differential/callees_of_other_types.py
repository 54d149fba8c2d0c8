"""A loop that was compiled for one kind of callee, entered again with others: what was loaded from the first is not loaded from them."""


class Slotted:
    __slots__ = ("a", "b", "c", "d", "e", "f", "pair")

    def __init__(self, n):
        self.pair = (n, n + 1)

    def __call__(self, v):
        return v % self.pair[0] == 0


class Empty:
    def __call__(self, v):
        return v & 1


def closure(n, m):
    def divides(v):
        return v % n == 0 or v % m == 0

    return divides


def method_of(n):
    return Slotted(n).__call__


def select(values, getter, predicate, seen):
    results = []
    for v in values:
        try:
            value = getter(seen, v)
        except KeyError:
            continue
        if not predicate or predicate(value):
            results.append((v, value))
        if v % 7 == 0:
            seen.setdefault(v + 3, v)
    return results


def lookup(seen, v):
    return seen[v]


seen = {v: v * 3 for v in range(60)}
getters = [lookup, lambda s, v: s[v], dict.__getitem__]
for turn in range(6):
    for getter in getters:
        for predicate in (closure(2, 3), None, Slotted(3), Empty(), method_of(5), lambda v: v > 9, (5).__eq__, bool, closure(5, 7)):
            result = select(range(70), getter, predicate, seen)
            print(turn, len(result), result[-2:])
            if predicate is None:
                seen = {v: v * 2 + turn for v in range(60)}
