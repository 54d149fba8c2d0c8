"""Products that leave one digit, two digits, the machine word; with each sign; and the wrap-around that must not happen."""


def factorials(n):
    x = 1
    out = []
    for i in range(1, n):
        x = x * i
        out.append(x)
    return out


def alternating(n):
    x = 1
    for i in range(1, n):
        x = x * -3
        if x > 1 << 70 or x < -(1 << 70):
            x = x % 1000003 - 500000
    return x


def lcg(turns, modulus):
    seed = 42
    digest = 0
    for _ in range(turns):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % modulus
        digest ^= seed
    return seed, digest


def edges():
    numbers = []
    for bits in (15, 30, 31, 32, 45, 60, 62, 63):
        for delta in (-1, 0, 1):
            numbers.append((1 << bits) + delta)
            numbers.append(-((1 << bits) + delta))
    total = 0
    for a in numbers:
        for b in numbers:
            p = a * b
            total = total * 3 + p
            if total > 1 << 200 or total < -(1 << 200):
                total %= 1 << 61
    return total


for _ in range(20):
    f = factorials(40)
print(f)
print([alternating(n) for n in range(400, 420)])
for modulus in (1 << 31, 1 << 32, (1 << 61) - 1, 1 << 63, 1 << 64):
    print(modulus, lcg(500, modulus))
print(edges())

# min * -1 is the one product of that kind which does not fit
x = -(1 << 63)
for i in range(200):
    y = x * -1
print(y)
