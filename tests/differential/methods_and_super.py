"""Method calls, super() chains, bound methods kept, classmethods, operators of user classes, polymorphic receivers."""

import functools


class A:
    def __init__(self, n):
        self.n = n

    def area(self):
        return self.n

    def describe(self, log):
        log.append("A")
        return 1


class B(A):
    def __init__(self, n):
        super().__init__(n * 2)
        self.m = n

    def area(self):
        return super().area() + self.m

    def describe(self, log):
        log.append("B")
        return super().describe(log) + 1


class C(A):
    def area(self):
        return A.area(self) * 3

    def describe(self, log):
        log.append("C")
        return super().describe(log) + 10


class D(B, C):
    def area(self):
        return super(B, self).area() - self.m

    def describe(self, log):
        log.append("D")
        return super().describe(log) + 100


def polymorphic(turns):
    shapes = [A(1), B(2), C(3), D(4), B(5), A(6), D(7)]
    total = 0
    for i in range(turns):
        total = total * 3 % 1000003 + shapes[i % 7].area()
    return total


def mro(turns):
    d = D(1)
    total = 0
    log = None
    for i in range(turns):
        log = []
        total += d.describe(log)
    return total, log


def bound(turns):
    area = D(3).area
    append = [].append
    total = 0
    for i in range(turns):
        total += area()
        append(i)
    return total, len(append.__self__), area.__self__.m


def bound_identity(turns):
    a = A(1)
    n = 0
    for i in range(turns):
        if a.area is a.area:
            n += 1000
        if a.area == a.area:
            n += 1
    return n


class Vector:
    __slots__ = "x", "y"

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __mul__(self, k):
        if isinstance(k, Vector):
            return self.x * k.x + self.y * k.y
        return Vector(self.x * k, self.y * k)

    __rmul__ = __mul__

    def __neg__(self):
        return Vector(-self.x, -self.y)

    def __eq__(self, other):
        if not isinstance(other, Vector):
            return NotImplemented
        return self.x == other.x and self.y == other.y

    def __len__(self):
        return 2

    def __getitem__(self, i):
        return (self.x, self.y)[i]

    def __contains__(self, v):
        return v == self.x or v == self.y

    def __bool__(self):
        return self.x != 0


def vectors(turns):
    v = Vector(0.0, 1.0)
    d = Vector(0.25, -0.125)
    hits = 0
    for i in range(turns):
        v = v + d * 0.5 + 2 * -d
        hits += v == d
        hits += len(v) + (0.0 in v)
        if v:
            hits += 1
        if v == 3:
            hits += 1000
        if v[0] * v[-1] > 50 or v * v > 1000:
            v = v * 0.1
    x, y = v
    return x.hex(), y.hex(), hits


@functools.total_ordering
class Ordered:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __lt__(self, other):
        return self.n < other.n


def ordering(turns):
    items = [Ordered(i * 37 % 101) for i in range(turns)]
    best = items[0]
    swaps = 0
    for item in items:
        if item >= best:
            best = item
            swaps += 1
    return best.n, swaps, [o.n for o in sorted(items)][::25], min(items).n


class Meta(type):
    def __call__(cls, *args):
        Meta.made = getattr(Meta, "made", 0) + 1
        return super().__call__(*args)


class Made(metaclass=Meta):
    def __new__(cls, x):
        if x % 3 == 0:
            return None
        return super().__new__(cls)

    def __init__(self, x):
        self.x = x


def construction(turns):
    total = 0
    for i in range(turns):
        m = Made(i)
        total += 1 if m is None else m.x
    return total, Meta.made


class IntLike(int):
    def __add__(self, other):
        return IntLike(int(self) + int(other) + 1)


class FloatLike(float):
    pass


class ListLike(list):
    def __getitem__(self, i):
        return list.__getitem__(self, i) + 100


def subclasses(turns):
    n = IntLike(0)
    f = FloatLike(0.5)
    items = ListLike([1, 2, 3])
    total = 0
    for i in range(turns):
        n = n + 1
        f2 = f + f
        f = FloatLike(f2 * 0.5)
        total += items[i % 3] + len(items) + n // 2
        for x in items:
            total += x
    return n, type(n).__name__, type(f2).__name__, f, total


print(polymorphic(400), mro(150), bound(200), bound_identity(100), vectors(400))
print(ordering(200), construction(200), subclasses(150))


def not_implemented(turns):
    class L:
        def __add__(self, other):
            return NotImplemented

    class R:
        def __radd__(self, other):
            return 1

    total = 0
    for i in range(turns):
        total += L() + R()
    try:
        for i in range(turns):
            L() + (R() if i < turns - 1 else 3)
    except TypeError as e:
        return total, str(e)


print(not_implemented(120))


def isinstance_overrides(turns):
    class M(type):
        def __instancecheck__(cls, x):
            return x % 2 == 0

    class Even(metaclass=M):
        pass

    class Liar:
        __class__ = int

    n = 0
    liar = Liar()
    for i in range(turns):
        n += isinstance(i, Even) + 10 * isinstance(liar, int) + 100 * isinstance(i, (str, float)) + issubclass(bool, int)
        n += type(liar) is int
    return n


print(isinstance_overrides(150))
