"""bool in arithmetic, bit operators, comparisons and as index: the result's type stays exact."""


def count(turns):
    total = 0
    for i in range(turns):
        total += i % 3 == 0
        total += (i > 100) + (i > 200)
        total -= not i % 7
    return total


def bit_operators(turns):
    a = True
    types = []
    for i in range(turns):
        b = i % 2 == 0
        for r in (a & b, a | b, a ^ b, a & i, a | i, a + b, a - b, a * b, -a, +a, ~b, a << b, a // True, a % True, b ** a, a / True):
            types.append(r)
        a = a ^ b
    return [repr(x) for x in types[-32:]], sum(types)


def index(turns):
    pair = ["no", "yes"]
    out = 0
    for i in range(turns):
        if pair[i % 2 == 0] == "yes":
            out += 1
        if pair[True] is pair[1]:
            out += 1000
    return out


def identity(turns):
    n = 0
    for i in range(turns):
        if (i == 5) is True:
            n += 1
        if (i != 5) is not False:
            n += 1000
        x = i == i
        if x is True and (x + 0) is not True:
            n += 1000000
    return n


def becomes_int(turns):
    x = True
    for i in range(turns):
        x = x + True
    return x


def conditional(turns):
    a = []
    for i in range(turns):
        v = i and (i % 2) or None
        a.append(v)
        w = not not i
        a.append(w)
    return a[:6], a[-6:], a.count(None), a.count(True)


print(count(300))
print(bit_operators(100))
print(index(100))
print(identity(200))
print(becomes_int(300))
print(conditional(100))
