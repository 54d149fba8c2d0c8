"""Collatz chains: a loop whose number of turns and branch pattern are irregular."""


def longest(limit):
    best = length = 0
    for start in range(1, limit):
        n = start
        steps = 0
        while n != 1:
            if n & 1:
                n = 3 * n + 1
            else:
                n >>= 1
            steps += 1
        if steps > length:
            best, length = start, steps
    return best, length


def iteration():
    return longest(4000)
