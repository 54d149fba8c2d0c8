"""enumerate, zip, reversed, map, filter; ranges with negative steps, empty, beyond 2^63; iterators shared between loops."""

import itertools


def ranges(turns):
    total = 0
    for i in range(turns, 0, -1):
        total = total * 3 % 10007 + i
    for i in range(-turns, turns, 7):
        total = total * 3 % 10007 + i
    for i in range(turns, -turns, -13):
        total = total * 3 % 10007 - i
    for i in range(10, 10):
        total += 100000
    for i in range(10, 0):
        total += 100000
    return total, i


def huge(start, step, turns):
    total = 0
    last = None
    for i in range(start, start + step * turns, step):
        total ^= i
        last = i
    return total, last


def pairs(n):
    a = list(range(n))
    b = [x * 0.5 for x in a]
    s = 0
    for i, x in enumerate(a):
        s += i * x
    for x, y in zip(a, b):
        s += x * y
    for i, (x, y) in enumerate(zip(a, reversed(b)), 5):
        s += i - x + y
    for x in reversed(a):
        s = s * 0.5 + x
    for x in reversed(range(n)):
        s = s * 0.5 - x
    for x in map(abs, range(-n, n)):
        s += x
    for x in filter(None, a):
        s += 1
    return s.hex()


def zip_lengths(n):
    a = iter(range(n))
    b = iter(range(n // 2))
    count = 0
    for x, y in zip(a, b):
        count += 1
    return count, next(a)


def strict(n):
    try:
        for x, y in zip(range(n), range(n - 1), strict=True):
            pass
    except ValueError as e:
        return x, str(e)


def shared(n):
    it = iter(range(n))
    out = []
    for x in it:
        if x % 10 == 0:
            out.append(next(it, None))
        for y in it:
            if y % 7 == 0:
                break
    return out


def kept_tuples(n):
    """zip and enumerate may reuse their tuple only when nobody holds it."""
    held = []
    for t in zip(range(n), range(n)):
        if t[0] % 40 == 0:
            held.append(t)
    for t in enumerate("x" * n):
        if t[0] % 40 == 0:
            held.append(t)
    return held


print(ranges(300))
for start in ((1 << 30) - 100, (1 << 60) - 100, (1 << 63) - 100, (1 << 64), -(1 << 63) - 100, -(1 << 30) - 100):
    for step in (1, 3, -1, 1 << 40):
        print(start, step, huge(start, step, 200))
print(pairs(300), zip_lengths(200), strict(150), shared(200))
print(kept_tuples(130))
print(sum(itertools.islice(itertools.count(1 << 62, 1 << 60), 200)), len(list(itertools.takewhile(lambda v: v < 150, itertools.count()))))


def range_attributes(turns):
    n = 0
    for t in range(turns):
        r = range(t, t * 5, 3)
        n += len(r) + (t + 6 in r) + (r.index(t + 3) if t > 1 else 0) + sum(r[1:4]) + r.start
    return n


print(range_attributes(150))


def sequence_protocol(n):
    class Seq:
        def __getitem__(self, i):
            if i >= n:
                raise IndexError
            return i * 2

    total = 0
    for x in Seq():
        total += x
    return total


print(sequence_protocol(200))


class Iter:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        self.n -= 1
        if self.n < 0:
            raise StopIteration
        return self.n


print(sum(x for x in Iter(200)), [x for x in Iter(3)])
