"""Tuple packing, unpacking, swaps, starred targets, nested targets, tuples carried across turns, unpack errors."""

import traceback


def swaps(turns):
    a, b, c = 1, 2.5, "x"
    for i in range(turns):
        a, b, c = c, a, b
        if i % 5 == 0:
            a, b = b, a
    return a, b, c


def fibonacci(turns):
    a, b = 0, 1
    for _ in range(turns):
        a, b = b, a + b
    return a


def carried(turns):
    t = (0, 1.0)
    for i in range(turns):
        x, y = t
        t = (x + 1, y * 1.001)
    return t[0], t[1].hex()


def kept(turns):
    """Some of the tuples stay, so identity and content must be right."""
    out = []
    for i in range(turns):
        t = (i, i * 0.5, out)
        u = t
        if i % 37 == 0:
            out.append((t, u, t is u))
    return [(a[0], a[1], b[0], same) for a, b, same in out]


def starred(turns):
    total = 0
    for i in range(turns):
        first, *rest, last = range(i % 5 + 2)
        total += first + len(rest) * 10 + last * 100
        (p, q), r = (i, i + 1), i % 3
        total += p * q - r
        [x, y] = [i, -i]
        total += x + y
    return total


def pairs(n):
    data = [(i, n - i) for i in range(n)]
    total = 0
    for i, (a, b) in enumerate(data):
        total += i * a - b
    for i, (a, *b) in enumerate(data):
        total += b[0]
    return total


def returned(i):
    return i, i * 2


def from_call(turns):
    total = 0
    for i in range(turns):
        a, b = returned(i)
        total += a * b
    return total


def string_and_dict(turns):
    out = ""
    for i in range(turns):
        a, b = "%02d" % (i % 100)
        c, d = {b: 1, a + "k": 2}
        out = c + d + out[:6]
    return out


def too_many(turns):
    for i in range(turns):
        a, b = (1, 2) if i < turns - 1 else (1, 2, 3)


def too_few(turns):
    for i in range(turns):
        a, b = [1, 2] if i < turns - 1 else [1]


def too_few_starred(turns):
    for i in range(turns):
        a, b, *c = [1, 2] if i < turns - 1 else [1]


def not_iterable(turns):
    for i in range(turns):
        a, b = (1, 2) if i < turns - 1 else i


def partial_assignment(turns):
    """A failing store in the middle of an unpacking: the targets before it are bound."""
    data = [0] * 10
    for i in range(turns):
        x, data[i], y = i, -i, i * 2
    return x


print(swaps(301), fibonacci(200), carried(500))
print(kept(200))
print(starred(300), pairs(200), from_call(300), string_and_dict(150))
for function in (too_many, too_few, too_few_starred, not_iterable, partial_assignment):
    try:
        function(200)
    except (ValueError, TypeError, IndexError) as e:
        print(traceback.format_exc())
        print(sorted((k, v) for k, v in e.__traceback__.tb_next.tb_frame.f_locals.items()))


def tuple_operations(turns):
    t = ()
    n = 0
    for i in range(turns):
        t = t + (i % 3,)
        if len(t) > 6:
            t = t[2:] * 1
        n += hash(t) == hash(tuple(list(t)))
        n += t < (1, 1) or t[-1]
        n += t.count(1) + (2 in t)
    return n, t


print(tuple_operations(300))
