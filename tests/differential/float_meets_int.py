"""A float loop that meets an int and goes back to floats; int and float are never mixed up in value, type or text."""


def accumulate(values):
    total = 0.0
    for v in values:
        total = total + v
    return total


values = [0.25] * 300
print(repr(accumulate(values)))
for at in (0, 1, 57, 150, 299):
    changed = list(values)
    changed[at] = 3
    print(at, repr(accumulate(changed)))
changed = list(values)
changed[200] = 1 << 70
print(repr(accumulate(changed)))
changed[250] = True
print(repr(accumulate(changed)))


def starts_as_int(turns):
    x = 0
    kinds = []
    for i in range(turns):
        if i == 100:
            x = x + 0.5
        elif i == 200:
            x = int(x)
        else:
            x = x + 1
        if not kinds or kinds[-1] != type(x):
            kinds.append(type(x))
    return repr(x), [k.__name__ for k in kinds]


print(starts_as_int(300))
print(starts_as_int(150))


def alternates(turns):
    x = 1
    out = []
    for i in range(turns):
        if i % 3 == 0:
            x = x * 1.0
        elif i % 3 == 1:
            x = int(x) + 2
        out.append(x)
    return [repr(v) for v in out[-7:]], sum(out)


print(alternates(400))


def equal_keys(turns):
    """1, 1.0 and True are equal keys; the first one stays."""
    d = {}
    for i in range(turns):
        d[i % 5 if i % 2 else float(i % 5)] = i
    return d


print(equal_keys(101))


def compare(turns):
    n = [0] * 6
    big = 1 << 53
    for i in range(turns):
        f = float(big + i)
        k = big + i
        n[0] += f == k
        n[1] += f < k
        n[2] += f > k
        n[3] += k <= f
        n[4] += i == i * 1.0
        n[5] += i < i + 0.5
    return n


print(compare(300))


def huge(turns):
    """int too large for a double in a float sum."""
    x = 1.0
    k = 1
    for i in range(turns):
        x = x + k
        k = k * 8
    return x


try:
    print(huge(400))
except OverflowError as e:
    print(type(e).__name__, e)
