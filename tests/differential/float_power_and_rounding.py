"""float ** in loops (complex results, OverflowError text), round, int(), float.is_integer."""

import traceback


def run(turns):
    total = 0.0
    for i in range(1, turns):
        total += (i * 0.01) ** 2.0 + (i * 0.5) ** 0.5 + 2.0 ** (i % 40 - 20) + i ** -0.5 + (-2.0) ** (i % 9)
    return total.hex()


print(run(800))


def rounding(turns):
    total = 0
    for i in range(turns):
        x = (i - 150) * 0.5
        total = total * 3 + round(x) + int(x) + int(x * 1e15)
        total %= 1 << 62
        if x.is_integer():
            total += 1
    return total, round(2.675, 2), round(-0.5), round(1e300) % 1000


print(rounding(300))


def overflow(turns):
    x = 1.0
    for i in range(turns):
        x = 10.0 ** (i * 2)
    return x


try:
    overflow(300)
except OverflowError:
    print(traceback.format_exc())


def to_int(values):
    total = 0
    for v in values:
        total += int(v)
    return total


for last in (float("nan"), float("inf"), 1e30):
    try:
        print(to_int([0.5 + i for i in range(200)] + [last]))
    except (ValueError, OverflowError):
        print(traceback.format_exc())


def complex_result(turns):
    kinds = set()
    for i in range(turns):
        z = (i - turns / 2.0) ** 0.5
        kinds.add(type(z).__name__)
    return sorted(kinds), repr(z)


print(complex_result(200))
