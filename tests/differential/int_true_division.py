"""int / int is correctly rounded, also where one side does not fit a double; too large gives OverflowError."""

import traceback


def run(turns):
    out = []
    for i in range(1, turns):
        out.append((i * 10 ** (i % 40)) / (3 ** (i % 50)))
        out.append(((1 << 53) + i) / (i % 7 + 1))
        out.append(-i / (1 << (i % 70)))
    return out


r = run(300)
print([x.hex() for x in r[::17]])


def too_large(turns):
    x = 0.0
    big = 1
    for i in range(turns):
        big *= 1000
        x = big / 7
    return x


try:
    too_large(300)
except OverflowError:
    print(traceback.format_exc())
