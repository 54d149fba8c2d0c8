"""Chained comparisons evaluate each operand once, stop early, and use user-defined comparisons."""


def chains(turns):
    n = 0
    for i in range(turns):
        if 10 < i <= 200 < i + 150 != 300:
            n += 1
        if 0.5 < i * 0.1 < 3.5:
            n += 1000
        if not (i < 5 < 4):
            n += 1000000
    return n


calls = 0


def middle(x):
    global calls
    calls += 1
    return x


def once(turns):
    n = 0
    for i in range(turns):
        if 3 < middle(i % 10) < 8:
            n += 1
        if i % 10 < 2 < middle(i):
            n += 1
    return n


class Level:
    log = []

    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        Level.log.append((self.n, other.n))
        return self.n < other.n


class Odd:
    """A comparison whose answer is not a bool."""

    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return [self.n] if self.n < other.n else []


def user(turns):
    low, high = Level(1), Level(9)
    n = 0
    for i in range(turns):
        if low < Level(i % 12) < high:
            n += 1
    return n, len(Level.log), Level.log[-5:]


def odd(turns):
    r = None
    out = []
    for i in range(turns):
        r = Odd(1) < Odd(i % 4) < Odd(3)
        out.append(r)
    return out[-4:]


print(chains(400))
print(once(300), calls)
print(user(200))
print(odd(120))
print([a == b for a in (1, 1.0, True, "1", None) for b in (1, 1.0, True, "1", None)])


def wide(turns):
    n = [0] * 6
    edge = (1 << 63) - 150
    for i in range(turns):
        a = edge + i
        b = edge + 150
        n[0] += a < b
        n[1] += a <= b
        n[2] += a == b
        n[3] += a != b
        n[4] += a > b
        n[5] += -a < b
    return n


print(wide(300))
