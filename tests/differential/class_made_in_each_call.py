"""Loops that meet a class of its own in each call: bridge after bridge would ask for one class more."""


def numbers(n, step):
    class Numbers:
        def __init__(self):
            self.at = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.at += step
            if self.at > n:
                raise StopIteration
            return self.at

    class Point:
        def __init__(self, x):
            self.x = x

        def moved(self):
            return self.x + step

    return Numbers(), Point


def total(iterator, point):
    result = 0
    for x in iterator:
        p = point(x)
        result += p.moved() * p.x
        if x % 7 == 0:
            result -= 1
    return result


def pairs(iterator):
    return [(x, x & 3) for x in iterator]


seen = []
for turn in range(120):
    seen.append(total(*numbers(300 + turn, turn % 3 + 1)))
    iterator, point = numbers(400, turn % 5 + 1)
    seen.append(sum(a * b for a, b in pairs(iterator)))
    if turn % 40 == 39:
        try:
            total(iter([1, 2, "x"]), point)
        except TypeError as e:
            seen.append(str(e))
print(seen)
print(len({id(type(p)) for p in [numbers(3, 1)[0] for _ in range(5)]}))
