"""The sieve of Eratosthenes over a list of bools, by hand-written loops."""


def sieve(n):
    flags = [True] * (n + 1)
    count = 0
    for i in range(2, n + 1):
        if flags[i]:
            count += 1
            k = i * i
            while k <= n:
                flags[k] = False
                k += i
    return count


def iteration():
    return sieve(200000)
