"""Inner loops whose number of turns changes: none, one, many; triangular; set by data; loop variables after the loop."""


def triangular(n):
    total = 0
    for i in range(n):
        for j in range(i, n):
            total += i * j - total // 7
    return total, i, j


def by_data(counts):
    total = 0
    for c in counts:
        k = 0
        while k < c:
            total = (total * 3 + k) & 0xFFFFFFF
            k += 1
    return total, k


def collatz(limit):
    best = longest = 0
    for n in range(1, limit):
        x = n
        length = 1
        while x != 1:
            if x % 2:
                x = 3 * x + 1
            else:
                x //= 2
            length += 1
        if length > longest:
            best, longest = n, length
    return best, longest


def gcd_sum(n):
    total = 0
    for a in range(1, n):
        for b in range(1, n):
            x, y = a, b
            while y:
                x, y = y, x % y
            total += x
    return total


def four(n):
    c = 0
    for a in range(n):
        for b in range(a):
            for d in range(b):
                for e in range(d):
                    c += a - b + d - e
    return c


def floats(n):
    s = 0.0
    for i in range(1, n):
        x = 1.0
        for j in range(i % 13):
            x = x * 0.9 + 1.0 / i
        s += x
    return s.hex()


def loop_variable_survives(turns):
    log = []
    for t in range(turns):
        for k in range(t % 4):
            pass
        log.append(k if t % 4 else None)
    return log[-8:]


print(triangular(40))
print(by_data([0, 1, 0, 50, 2, 0, 300, 1, 1, 1, 7] * 6))
print(collatz(200))
print(gcd_sum(30))
print(four(13))
print(floats(300))
print(loop_variable_survives(120))
