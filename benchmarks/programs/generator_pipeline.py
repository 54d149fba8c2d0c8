"""Generators that feed each other, and a generator expression in sum()."""


def count(n):
    i = 0
    while i < n:
        yield i
        i += 1


def odd(source):
    for v in source:
        if v & 1:
            yield v


def iteration():
    return sum(v * v for v in odd(count(150000)))
