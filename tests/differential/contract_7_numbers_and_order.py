"""The contract's seventh point: unbounded ints, floats to the bit, order of dicts, identity, in loops that keep them unboxed."""

import math
import struct

EDGES = [0, 1, -1, 2**15, -(2**15), 2**30 - 1, 2**30, 2**31 - 1, -(2**31), 2**60, 2**62, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, 10**30]
FLOATS = [0.0, -0.0, 1.0, -1.5, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, math.inf, -math.inf, math.nan, 0.1, 1 / 3, 1e16, 2.0**53, 2.0**63]


def bits(x):
    return struct.pack("<d", x).hex() if type(x) is float else x


def guarded(function, *args):
    try:
        return function(*args)
    except (ZeroDivisionError, OverflowError, ValueError) as error:
        return type(error).__name__ + ": " + str(error)


def across_edges(start, step, n=200):
    """From below an edge to above it and back, one loop each for what a trace holds in a register."""
    a = start - step * (n // 2)
    low = high = a
    for _ in range(n):
        a += step
        if a > high:
            high = a
    for _ in range(n):
        a = a - step
        if a < low:
            low = a
    return a, low, high


def products(x, n=70):
    p, q = 1, x
    for i in range(n):
        p = p * x if i % 3 else p + x
        q = q ^ p if i % 2 else q & p | 1
    return p % (10**9 + 7), q % 97


def division(a, b, n=60):
    found = []
    for i in range(n):
        x = a + i - 30
        if i % 20 == 0:
            found.append((x // b, x % b, divmod(x, b), x / b))
        else:
            x // b, x % b
    return found


def shifts(x, n=80):
    total = 0
    for i in range(n):
        total = (total + (x << i) + (x >> i)) % (2**61 - 1)
    return total


def float_loop(x, y, n=120):
    total, product, least = 0.0, 1.0, x
    for i in range(n):
        total = total + x * y - y
        product = product * 0.99 + x
        if y < least:
            least = y
        total = -total if i % 2 else total
    return bits(total), bits(product), bits(least), bits(min(x, y)), bits(max(x, y)), x == y, x < y


def float_functions(x, n=50):
    found = []
    for i in range(n):
        if i % 25 == 0:
            found.append([bits(guarded(f, x)) for f in (abs, math.sqrt, math.floor, math.ceil, math.trunc, int, round, math.sin, math.exp, float.__neg__)])
            found.append([bits(guarded(f, x, 2.5)) for f in (float.__mod__, float.__floordiv__, float.__pow__, math.fmod, math.atan2, math.copysign)])
    return found


def order(n=300):
    table = {}
    for i in range(n):
        table[i * 7919 % 101] = i
        if i % 5 == 0:
            table.pop(i * 31 % 101, None)
        if i % 50 == 0:
            table = {**table, -i: i}
    return list(table.items())[:20], list(reversed(table))[:10], len(table)


def attribute_order(n=200):
    class Record:
        pass

    found = set()
    for i in range(n):
        r = Record()
        if i % 2:
            r.a, r.b = i, i
        else:
            r.b, r.a = i, i
        if i % 3 == 0:
            del r.a
            r.a = 0
        found.add(tuple(vars(r)))
    return sorted(found)


def identity(n=300):
    same, ids, one = 0, 0, 1.5
    kept = []
    for i in range(n):
        a = i
        b = a
        c = one
        same += (a is b) + (c is one) + (i % 256 is (i % 256)) + ((i + 1000) is (i + 1000))
        ids += id(a) == id(b)
        kept.append(c)
    return same, ids, all(k is one for k in kept)


def types(n=300):
    seen = set()
    x, y = 0, True
    for i in range(n):
        x = x + y
        y = y & True if i % 2 else y | False
        seen.add((type(x).__name__, type(y).__name__, type(x * 1.0).__name__, type(y + y).__name__))
    return sorted(seen), x, y


for start in EDGES:
    for step in 1, 3, 2**31, 2**62 + 1:
        print("across", start, step, across_edges(start, step))
for x in EDGES:
    print("products", x, guarded(products, x), guarded(shifts, x))
    for b in 1, -1, 3, -7, 2**31, -(2**63), 0:
        print("division", x, b, guarded(division, x, b))
for x in FLOATS:
    print("functions", bits(x), float_functions(x))
    for y in FLOATS:
        print("floats", bits(x), bits(y), float_loop(x, y))
print(order(), attribute_order(), identity(), types())
