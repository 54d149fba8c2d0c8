"""float % and // take the divisor's sign, keep signed zeros and lose no bit."""

inf = float("inf")


def table(values, turns):
    out = []
    for _ in range(turns):
        out = []
        for a in values:
            for b in values:
                if b != 0.0:
                    out.append((a % b, a // b))
    return out


values = [0.0, -0.0, 0.1, -0.1, 0.3, 1.0, -1.0, 2.5, -2.5, 3.0, -3.0, 7.25, 1e16, -1e16, 1e300, 5e-324, inf, -inf]
for m, q in table(values, 5):
    print(m.hex(), q.hex(), end=" ")
print()


def fold(turns):
    x = 0.0
    total = 0.0
    for i in range(turns):
        x = x + 0.7
        total += x % 3.0 - (-x) % 3.0 + x // 0.3 - x // -0.3
    return total.hex()


print(fold(1000))


def both(turns):
    total = 0.0
    for i in range(turns):
        q, r = divmod(i * 0.37 - 100.0, 1.7 if i & 1 else -1.7)
        total += q * 3 + r
    return total.hex()


print(both(700))


def mixed(turns):
    total = 0
    for i in range(turns):
        total = total + i % 2.5 + (-i) // 7.0 + 2.5 % (i + 1) + 1e3 // (i + 1)
    return total.hex()


print(mixed(700))
