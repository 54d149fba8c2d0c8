"""`//`, `%` and divmod round towards minus infinity for each combination of signs; min // -1 leaves the word."""


def table(values, turns):
    out = None
    for _ in range(turns):
        out = []
        for a in values:
            for b in values:
                if b:
                    out.append((a // b, a % b))
    return out


small = [-7, -3, -2, -1, 0, 1, 2, 3, 7]
for row in table(small, 20):
    print(*row, end=";")
print()

wide = [-(1 << 64), -(1 << 63), -(1 << 60) - 1, -(1 << 30), -1, 1, 10, 1 << 30, (1 << 60) + 1, (1 << 63) - 1, 1 << 65]
for row in table(wide, 8):
    print(*row, end=";")
print()


def countdown(turns):
    """The sign of the left operand changes in the middle."""
    digest = 0
    for i in range(turns):
        n = turns // 2 - i
        digest = digest * 3 + n % 7 + n // 7 + n % -5 + n // -5
        digest %= 1000000007
    return digest


print(countdown(1000))


def min_by_minus_one(turns):
    x = -(1 << 63)
    d = -1
    q = m = 0
    for i in range(turns):
        q = (x + i % 2) // d
        m = (x + i % 2) % d
    return q, m


print(min_by_minus_one(301), min_by_minus_one(300))


def pairs(turns):
    total = 0
    for i in range(turns):
        q, r = divmod(i * 7919 - 400000, 97 - 2 * (i % 97))
        total = total * 31 + q - r
        total &= (1 << 62) - 1
    return total


print(pairs(1000))
