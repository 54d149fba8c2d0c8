"""A loop that takes each side of an `if` every other turn."""


def loop(n):
    a = b = 0
    for i in range(n):
        if i & 1:
            a += i
        else:
            b += i * 3
    return a, b


def iteration():
    return loop(400000)
