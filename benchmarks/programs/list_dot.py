"""Dot product of two lists of floats by index, and by zip."""

N = 100000
xs = [i * 0.5 for i in range(N)]
ys = [1.0 / (i + 1) for i in range(N)]


def by_index(a, b):
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


def by_zip(a, b):
    total = 0.0
    for x, y in zip(a, b):
        total += x * y
    return total


def iteration():
    return by_index(xs, ys), by_zip(xs, ys)
