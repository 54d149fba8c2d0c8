"""Four nested `for` loops with short inner ranges."""


def loop(n):
    total = 0
    for a in range(n):
        for b in range(a):
            for c in range(b, b + 4):
                for d in range(3):
                    total += (a ^ b) + c * d
    return total


def iteration():
    return loop(150)
