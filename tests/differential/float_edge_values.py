"""-0.0, nan, infinities, subnormals through float arithmetic in a hot loop; bits shown."""

import struct

nan = float("nan")
inf = float("inf")


def bits(x):
    if x != x:
        return "nan"
    return struct.pack(">d", x).hex()


def arithmetic(values, turns):
    out = []
    for t in range(turns):
        out = []
        for a in values:
            for b in values:
                out.append(a + b)
                out.append(a - b)
                out.append(a * b)
                if b:
                    out.append(a / b)
                    out.append(a // b)
                    out.append(a % b)
    return out


values = [0.0, -0.0, 1.0, -1.0, 1.5, -2.5, 5e-324, -5e-324, 1.7976931348623157e308, -1.7976931348623157e308, inf, -inf, nan]
print(" ".join(bits(x) for x in arithmetic(values, 6)))


def negative_zero(turns):
    x = 0.0
    y = -0.0
    z = 0.0
    for i in range(turns):
        z = x * -1.0
        w = -x
        v = y + x
        u = y - x
        t = abs(y)
        s = y + y
        r = 0 * -1.5
        q = x - x
    return [repr(e) for e in (z, w, v, u, t, s, r, q)]


print(negative_zero(300))


def not_a_number(turns):
    x = inf
    counts = [0] * 7
    for i in range(turns):
        n = x - x
        if n == n:
            counts[0] += 1
        if n != n:
            counts[1] += 1
        if n < 1.0:
            counts[2] += 1
        if n >= 1.0:
            counts[3] += 1
        if not n > 1.0:
            counts[4] += 1
        if n:
            counts[5] += 1
        if n in (n,):
            counts[6] += 1
    return counts


print(not_a_number(200))


def underflow():
    x = 1.0
    n = 0
    while x:
        x = x / 2.0
        n += 1
    y = 1.0
    m = 0
    while y != inf:
        y = y * 2.0
        m += 1
    return n, m, x, y


print(underflow())


def zero_truth(turns):
    n = 0
    x = -0.0
    for i in range(turns):
        if x:
            n += 1
        if not x:
            n += 10
        x = -x
    return n


print(zero_truth(200))


def no_contraction(turns):
    """a * b + c rounds twice."""
    a, b, c = 1.0 + 2.0 ** -30, 1.0 - 2.0 ** -30, -1.0
    s = 0.0
    for i in range(turns):
        s = a * b + c
    return s.hex(), (0.1 + 0.2).hex(), ((0.1 + 0.2) + 0.3).hex(), (0.1 + (0.2 + 0.3)).hex()


print(no_contraction(200))
