"""A linear congruential generator decides each branch: no trace is taken for long."""


def loop(n):
    seed = 12345
    a = b = c = d = 0
    for _ in range(n):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        if seed & 0x10000:
            if seed & 0x20000:
                a += 1
            else:
                b += seed & 7
        elif seed & 0x40000:
            c ^= seed
        else:
            d += 1
            if seed & 0x80000:
                a -= 1
    return a, b, c, d


def iteration():
    return loop(150000)
