"""Small functions called in a loop: worth inlining."""


def square(x):
    return x * x


def mix(a, b):
    return a * 3 + b


def loop(n):
    total = 0
    for i in range(n):
        total = mix(total, square(i)) & 0xFFFFFF
    return total


def iteration():
    return loop(200000)
