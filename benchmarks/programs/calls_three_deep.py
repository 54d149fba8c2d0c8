"""Calls three deep whose innermost function has two hot ways out."""


def bottom(x):
    if x % 3 == 0:
        return x + 1
    if x % 5 == 0:
        return x - 1
    return x * 2


def middle(x):
    return bottom(x) + bottom(x + 1)


def top(x, k):
    return middle(x) + k


def loop(n):
    total = 0
    for i in range(n):
        total = (total + top(i, 7)) % 1000003
    return total


def iteration():
    return loop(80000)
