"""An int `while` loop with `+`, `%` and a comparison."""


def loop(n):
    i = total = 0
    while i < n:
        total = total + i % 7
        if total > 1000000:
            total = total - 1000000
        i = i + 1
    return total


def iteration():
    return loop(500000)
