"""`in`, `not in`, `is not`, walrus, f-strings with formats and conversions, conditional expressions, `and`/`or` values in hot loops."""


class Container:
    def __init__(self):
        self.asked = 0

    def __contains__(self, x):
        self.asked += 1
        return "yes" if x % 3 else []


class OldContainer:
    def __getitem__(self, i):
        if i > 5:
            raise IndexError
        return i * i


def membership(turns):
    data = list(range(0, 300, 3))
    table = {i: None for i in range(0, 300, 7)}
    numbers = frozenset(range(0, 300, 5))
    c = Container()
    old = OldContainer()
    n = [0] * 9
    for i in range(turns):
        n[0] += i in data
        n[1] += i in table
        n[2] += i not in numbers
        n[3] += i in (1, 2.0, "3", None, 50)
        n[4] += str(i) in "1234567890"
        n[5] += i in c
        n[6] += i in old
        n[7] += i in range(0, turns, 11)
        n[8] += float(i) in {1, 2, 4, 8}
    return n, c.asked


def walrus(turns):
    total = 0
    i = 0
    while (k := i * 7 % 31) != 30 or i < turns:
        if (half := k / 2) > 10 and (q := k // 3) % 2:
            total += q + half
        i += 1
    return total, i, k, half, q


def formats(turns):
    out = []
    for i in range(turns):
        x = i * 1.25
        s = f"{i}|{x:.2f}|{i:>6}|{i!r:^7}|{x!s}|{-i:+d}|{i:#x}|{i:,}|{x:{'>' if i % 2 else '<'}{8}.1e}|{{}}"
        if i % 40 == 0:
            out.append(s)
    return out


def values(turns):
    log = []
    for i in range(turns):
        a = i % 3
        b = i % 2
        v = a and b or "none"
        w = a or b or 0.0
        u = "both" if a and b else "a" if a else "b" if b else None
        t = not a, not b, (a == 1) is True, None is not a
        if i > turns - 4:
            log.append((v, w, u, t))
    return log


class Formatted:
    def __format__(self, spec):
        return "<" + spec + ">"


def custom(turns):
    f = Formatted()
    n = 0
    for i in range(turns):
        n += len(f"{f:{i}}{f!r:.5}")
    return n


class Truth:
    def __init__(self):
        self.n = 0

    def __bool__(self):
        self.n += 1
        return self.n % 3 == 0


def truth(turns):
    t = Truth()
    n = 0
    for i in range(turns):
        if t and not t:
            n += 1
        n += 10 if t else 0
        while t:
            n += 100
            break
        assert t or not t or True
    return n, t.n


print(membership(300))
print(walrus(200))
print(formats(130))
print(values(100), custom(150), truth(200))


def fails(turns):
    class Bad:
        def __bool__(self):
            return "no"

    for i in range(turns):
        if (i + 1) if i < turns - 1 else Bad():
            pass


try:
    fails(100)
except TypeError as e:
    print(e)
