"""Tuple swaps: Fibonacci numbers modulo a prime, and a rotation of three."""


def loop(n):
    a, b = 0, 1
    x, y, z = 1, 2, 3
    for _ in range(n):
        a, b = b, (a + b) % 1000003
        x, y, z = y, z, x
    return a, b, x, y, z


def iteration():
    return loop(300000)
