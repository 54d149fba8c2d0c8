"""Conditions that go the other way every k-th turn, in several places of one loop, with state that must survive each exit."""


def every_other(turns):
    a = b = 0
    for i in range(turns):
        if i & 1:
            a += i
        else:
            b -= i
    return a, b


def periods(turns):
    a = 0
    b = 1
    c = 0.0
    i = 0
    while i < turns:
        if i % 2:
            a += 1
        else:
            a += 2
        if i % 3 == 0:
            b = (b * 5 + a) % 10007
        if i % 5 == 0:
            c += 0.5
        elif i % 7 == 0:
            c -= 0.25
        else:
            c *= 1.0009765625
        if i % 64 == 63:
            a, b = b, a
        i += 1
    return a, b, c.hex()


def pseudo_random(turns):
    seed = 12345
    counts = [0] * 8
    for _ in range(turns):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        if seed & 0x10000:
            if seed & 0x20000:
                if seed & 0x40000:
                    counts[0] += 1
                else:
                    counts[1] += seed % 3
            elif seed & 0x80000:
                counts[2] += 1
            else:
                counts[3] -= 1
        elif seed & 0x100000:
            counts[4] += 1
        else:
            counts[5] += 2
            if seed & 0x200000:
                counts[6] ^= seed
            else:
                counts[7] += 1
    return counts


def phase_change(turns):
    """One side for a long time, then the other for good."""
    x = 0
    for i in range(turns):
        if i < turns // 2:
            x += 3
        else:
            x ^= i
    return x


def type_phase(turns):
    x = 0
    for i in range(turns):
        if i == turns // 3:
            x = float(x)
        if i == 2 * turns // 3:
            x = str(x)
        x = x + ("." if isinstance(x, str) else 1)
    return x[:20], len(x)


print(every_other(1001))
print(periods(2000))
print(pseudo_random(2000))
print(phase_change(1500))
print(type_phase(600))
