"""Inner loops of zero to three turns: entering and leaving compiled code must not cost more than it gives."""


def loop(n):
    total = 0
    for i in range(n):
        for j in range(i & 3):
            total += j
        k = i & 1
        while k:
            total += k
            k -= 1
    return total


def iteration():
    return loop(100000)
