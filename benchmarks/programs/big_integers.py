"""Ints that leave the machine word in each turn and come back."""


def loop(n):
    a = 1
    total = 0
    for i in range(n):
        a = a * 6364136223846793005 + 1442695040888963407
        a = a % (1 << 89)
        total = (total ^ a) >> 1
    return total


def iteration():
    return loop(100000)
