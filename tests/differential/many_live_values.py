"""Deep expressions and more than twenty live ints and floats at once: nothing is lost when registers run out."""


def floats(turns):
    a = b = c = d = e = f = g = h = i = j = k = l = m = n = o = p = q = r = s = t = u = v = w = x = 1.0
    for z in range(turns):
        a = a * 0.5 + b
        b = b * 0.25 + c
        c = c * 0.125 + d - a * 0.001
        d = d * 0.5 + e * 0.5
        e = e - f * 0.01
        f = f * 0.9 + g * 0.1
        g = h * 0.3 + g * 0.6
        h = (h + i) * 0.5
        i = j - i * 0.25
        j = (j + k * l) * 0.4
        k = k * 0.99
        l = l * 0.98 + m * 0.01
        m = (n + o) * 0.5
        n = n * p * 0.9 + 0.1
        o = (o - p) * 0.5 + 1.0
        p = q * 0.7 + 0.2
        q = q * 0.3 + r * 0.6
        r = s / 1.5 + 0.1
        s = (s + t) / 2.1
        t = t * 0.5 + u * 0.5
        u = v * 0.2 + u * 0.7
        v = w - x * 0.1 + v * 0.1
        w = w * 0.95 + a * 0.01
        x = x * 0.9 + z * 0.001
    return [y.hex() for y in (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x)]


def ints(turns):
    a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x = range(24)
    for z in range(turns):
        a, b, c, d = b + z, c ^ a, d - b, a
        e, f, g, h = f + a, g & 0xFFFF, h + e, e - f
        i, j, k, l = j | h, k - i, l + 1, i & 0xFFFFFF
        m, n, o, p = n + l, o - m, p + n & 0xFFFFF, m ^ z
        q, r, s, t = r + p, s ^ q, t + r, q & 0xFFFF
        u, v, w, x = v - t, w + u, x ^ v, u & 0xFFFFF
    return a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x


def deep_int(turns):
    total = 0
    for i in range(turns):
        total += i + (i * 2 - (i ^ 3 + (i & 7 | (i << 1) - (i >> 1 ^ (i % 5 + (i // 3 - (i * i % 11 + (i + 1 - (i + 2 ^ (i + 3 - (i * 4 & (i + 5 | (i % 6 + (i * 7 - (i ^ 8)))))))))))))))
    return total


def deep_float(x, turns):
    s = 0.0
    for i in range(turns):
        y = x + i
        s += y / (1.0 + y / (2.0 + y / (3.0 + y / (4.0 + y / (5.0 + y / (6.0 + y / (7.0 + y / (8.0 + y / (9.0 + y / (10.0 + y / (11.0 + y / (12.0 + y / (13.0 + y / (14.0 + y / (15.0 + y / (16.0 + y / (17.0 + y / 18.0)))))))))))))))))
    return s.hex()


def on_the_stack(turns):
    """Twenty temporaries wait on the evaluation stack while a call runs, which sometimes leaves the trace."""
    def f(i):
        return i if i % 37 else i * 0.5

    total = 0
    for i in range(turns):
        t = (i, i + 1, i + 2, i * 0.5, i * 1.5, i - 1, i - 2, i ^ 5, i & 3, i | 8, -i, ~i, i * i, i % 3, i // 3, i / 4, 2.0 ** (i % 5), i << 2, i >> 1, f(i))
        total += sum(t)
        total += max(i, i + 1, i - 1, i * 0.5, i % 3, f(i), -i, i ^ 1, i * 2, i // 2, i - 7, i + 0.25)
        data = [i, [i + 1, [i + 2, [i + 3, [i + 4, f(i), i + 5], i + 6], i + 7], i + 8], i + 9]
        total += data[1][1][1][1][1] + data[2]
    return total


def mixed(turns):
    i1 = i2 = i3 = i4 = i5 = i6 = i7 = i8 = i9 = 1
    f1 = f2 = f3 = f4 = f5 = f6 = f7 = f8 = f9 = 1.0
    for t in range(turns):
        i1 = i1 * 3 % 1009 + i9
        f1 = f1 * 0.5 + i1
        i2 = i2 + i1 & 0xFFF
        f2 = f2 * 0.25 + i2 - f1 * 0.125
        i3 = i3 ^ i2
        f3 = f3 * 0.5 + i3 / 7
        i4 = (i4 << 1 | i3 & 1) & 0xFFFFF
        f4 = f4 * 0.9 + f3 * 0.1
        i5 = i5 - i4 & 0xFFFF
        f5 = (f5 + f4) * 0.5
        i6 = i6 + int(f5) & 0x7FFF
        f6 = f6 * 0.75 + i6
        i7 = i7 // 2 + i6
        f7 = f7 * 0.3 - f6 * 0.2
        i8 = (i8 * 5 + i7) % 99991
        f8 = abs(f7) * 0.5 + f8 * 0.4
        i9 = max(i8 & 0xFF, i7 & 0xFF)
        f9 = min(f8, f9 * 1.5)
        if t % 101 == 100:
            i1, f1 = i9, float(i8)
    return i1, i2, i3, i4, i5, i6, i7, i8, i9, [f.hex() for f in (f1, f2, f3, f4, f5, f6, f7, f8, f9)]


print(floats(300))
print(ints(300))
print(deep_int(300), deep_float(0.5, 200), repr(on_the_stack(300)))
print(mixed(500))
