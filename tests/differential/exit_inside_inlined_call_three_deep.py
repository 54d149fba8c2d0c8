"""A guard that fails in a callee of a callee of a callee: all frames go on exactly where they were."""

import sys

log = []


def bottom(x, turn):
    y = x * 2
    if turn % 97 == 96:
        frame = sys._getframe()
        chain = []
        while frame is not None:
            chain.append((frame.f_code.co_name, frame.f_lineno, frame.f_lasti, sorted(k for k in frame.f_locals if not k.startswith("__"))))
            frame = frame.f_back
        log.append(chain[:4])
        y += 1000
    return y + 1


def middle(x, turn):
    a = x + 1
    b = bottom(a, turn) - a
    c = a * 3
    return b + c


def top(x, turn):
    left = x - 1
    return left * 2 + middle(left, turn) + left


def run(turns):
    total = 0
    for turn in range(turns):
        total = (total * 3 + top(turn, turn)) % 1000003
    return total


def overflows(x):
    return x * x


def square_sum(a, b):
    return overflows(a) + overflows(b)


def norm(a, b):
    return square_sum(a, b) + 1


def grow(turns):
    a = 1
    total = 0
    for i in range(turns):
        total += norm(a, i)
        a = a + (a >> 3) + 1
    return total


def kind(x):
    return x + x


def apply(x):
    y = kind(x)
    return y


def outer(x):
    return apply(x)


def changing_type(values):
    out = []
    for v in values:
        out.append(outer(v))
    return out


print(run(500))
for entry in log:
    print(entry)
print(grow(400))
print([repr(v) for v in changing_type([1] * 60 + [2.5] * 60 + ["a"] + [3] * 20 + [[1]] + [1 << 62] * 5)[55:]])
