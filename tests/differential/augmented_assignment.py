"""`op=` on locals, list items, dict items, attributes and globals; objects with and without in-place methods; aliases."""

import traceback


def list_items(turns):
    a = [0, 1.0, "s", [0], 1 << 62]
    for i in range(turns):
        a[0] += i
        a[1] *= 1.0009765625
        a[2] += "x"
        a[3] += [i]
        a[4] <<= 1
        a[4] %= (1 << 65) - 1
        a[-5] -= 1
        a[i % 2] += 1
    return a[0], a[1].hex(), len(a[2]), len(a[3]), a[4]


def side_effects_once(turns):
    calls = 0

    def index():
        nonlocal calls
        calls += 1
        return calls % 3

    data = [0, 0, 0]
    for i in range(turns):
        data[index()] += i
    return data, calls


def all_operators(turns):
    a = b = c = d = e = f = g = h = 1
    j = k = 7.5
    for i in range(1, turns):
        a += i
        b -= i
        c *= i % 7 + 1
        c %= 1000003
        d ^= i
        e |= i
        f &= ~i | 1
        g <<= i % 3
        g >>= i % 2 + 1
        g += 3
        h **= 1
        h //= 1
        j /= 1.0625
        j += 3
        k //= 1.5
        k += i
    return a, b, c, d, e, f, g, h, j.hex(), k.hex()


class InPlace:
    def __init__(self):
        self.log = 0

    def __iadd__(self, other):
        self.log += other
        return self

    def __imul__(self, other):
        return other

    def __isub__(self, other):
        return NotImplemented

    def __sub__(self, other):
        return self


def user(turns):
    x = InPlace()
    y = x
    for i in range(turns):
        x += i
        x -= i
        if i % 50 == 49:
            z = x
            z *= i
    return x is y, x.log, z


def aliasing(turns):
    """`list +=` changes the shared list, `tuple +=` does not."""
    a = []
    b = a
    t = ()
    u = t
    for i in range(turns):
        a += (i,)
        t += (i,)
        if i % 30 == 0:
            a *= 1
    return a is b, len(b), len(t), len(u)


class Attr:
    total = 5


def attributes(turns):
    x = Attr()
    for i in range(turns):
        x.total += i
        Attr.total -= 1
    return x.total, Attr.total


def dict_items(turns):
    d = {}
    for i in range(turns):
        d.setdefault(i % 5, 0)
        d[i % 5] += i
        d["n"] = d.get("n", 0.5)
        d["n"] *= 1.001
    return d[3], d["n"].hex(), list(d)


def tuple_item(turns):
    """The list in the tuple grows although the assignment fails."""
    t = ([],)
    errors = 0
    for i in range(turns):
        try:
            t[0] += [i]
        except TypeError as e:
            errors += 1
            text = str(e)
    return len(t[0]), errors, text


total = 0.5


def global_total(turns):
    global total
    for i in range(turns):
        total += i
        total -= 1
    return total


print(list_items(200), side_effects_once(200), user(150), aliasing(150), attributes(200), dict_items(200), tuple_item(120), global_total(300))
print(all_operators(300))


def mismatch(turns):
    x = 0
    for i in range(turns):
        x += i if i < turns - 1 else None


def mismatch_item(turns):
    data = [0]
    for i in range(turns):
        data[0] -= i if i < turns - 1 else "s"


for function in (mismatch, mismatch_item):
    try:
        function(150)
    except TypeError:
        print(traceback.format_exc())
