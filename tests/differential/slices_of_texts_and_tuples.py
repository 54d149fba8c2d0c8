"""Slices of strings, tuples and their subclasses in hot loops: all bounds, what is the same object, what is raised."""

import itertools


class Text(str):
    pass


class Pair(tuple):
    pass


class Index:
    def __init__(self, n):
        self.n = n

    def __index__(self):
        if self.n > 3:
            raise ValueError(self.n)
        return self.n


def part(o, start, stop):
    return o[start:stop]


def tail(o, start):
    return o[start:]


def head(o, stop):
    return o[:stop]


def whole(o):
    return o[:]


def stepped(o, start, stop, step):
    return o[start:stop:step]


def told(f, *args):
    try:
        result = f(*args)
    except Exception as e:
        return type(e).__name__, str(e)
    return result, type(result).__name__, result is args[0]


containers = ["", "a", "abcdef", "aé€𝄞z", (), (1,), (1, 2, 3, 4, 5), Text("abcd"), Pair((1, 2, 3)), Text(), Pair()]
bounds = [None, 0, 1, 2, 3, 5, 6, 100, -1, -2, -6, -100, True, 2**63 - 1, -(2**63), 2**70, -(2**70), Index(1), Index(5), 1.5, "x"]

for o in containers:
    print(repr(o))
    total = []
    for turn in range(3):
        for start, stop in itertools.product(bounds, bounds):
            total.append(told(part, o, start, stop))
    print(len(total), total[:441] == total[441:882] == total[882:], total[:441:11])
    print([told(tail, o, b) for b in bounds], [told(head, o, b) for b in bounds], told(whole, o))
    print([told(stepped, o, a, b, c) for a in bounds[:12:3] for b in bounds[:12:3] for c in (None, 1, 2, -1, -3, 0, 2**70, Index(2))][::5])

# One loop that is compiled, with other containers later.
text, numbers = "the quick brown fox", tuple(range(19))
count = 0
for i in range(3000):
    o = numbers if i > 1500 and i % 7 == 0 else text
    o = Text(text) if i > 2500 and i % 11 == 0 else o
    j = i % 23 - 2
    count += len(o[j:]) + len(o[:j]) * 3 + len(o[j : j + 4]) * 7
    if o[:] is o:
        count += 1
print(count)
