"""Differences around the word's ends: min - 1, 0 - min, a - (-b)."""


def difference(pairs, turns):
    out = None
    for _ in range(turns):
        out = []
        for a, b in pairs:
            out.append(a - b)
    return out


edges = [0, 1, -1]
for bits in (29, 30, 31, 59, 60, 61, 62, 63, 64):
    for delta in (-1, 0, 1):
        edges.append((1 << bits) + delta)
        edges.append(-(1 << bits) + delta)

pairs = [(a, b) for a in edges[::3] for b in edges[::5]]
for (a, b), d in zip(pairs, difference(pairs, 12)):
    print(a, b, d)


def negate_min():
    total = 0
    low = -(1 << 63)
    for i in range(300):
        y = low + i
        z = 0 - y
        total = total + z
    return total


print(negate_min())
