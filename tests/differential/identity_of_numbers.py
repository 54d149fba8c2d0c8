"""`is` and id() on floats and big ints that travel through locals, lists, tuples, calls and turns of a hot loop."""


def assignment(turns):
    x = 0.5
    n = 0
    for i in range(turns):
        x = x * 1.5
        y = x
        if y is x:
            n += 1
        z = x + 0.0
        if z is x:
            n += 1000
        if z == x:
            n += 1000000
        if x > 1e6:
            x = 0.75
    return n


def through_list(turns):
    keep = []
    x = 1.0
    n = 0
    for i in range(turns):
        x = x + 0.5
        keep.append(x)
        if keep[-1] is x:
            n += 1
        if i and keep[-2] is old:
            n += 1000
        old = x
    return n, keep[5] is keep[5], len({id(k) for k in keep})


def identity(v):
    return v


def through_call(turns):
    x = 1 << 40
    n = 0
    for i in range(turns):
        x = x + 1
        if identity(x) is x:
            n += 1
        a, b = x, identity(x)
        if a is b:
            n += 1000
        t = (x, x)
        if t[0] is t[1] and t[1] is x:
            n += 1000000
    return n


def carried(turns):
    """The object made in one turn is the one compared in the next."""
    last = prev = 0.0
    n = 0
    for i in range(turns):
        if last is prev:
            n += 1
        prev = last
        last = last + 1.0
        if i % 3 == 0:
            prev = last
    return n


def small_ints(turns):
    n = [0] * 5
    k = 250
    for i in range(turns):
        a = i + 1
        b = i + 1
        n[0] += a is b
        n[1] += (i - i) is zero
        n[2] += (k + i % 10) is (i % 10 + k)
        n[3] += -(i % 9) is -(i % 9)
        n[4] += (i // 2) is (i >> 1)
    return n


zero = 0


def same_object_results(turns):
    """Operations that return their operand, as CPython does."""
    n = [0] * 12
    for i in range(turns):
        f = i * 0.5 + 0.25
        b = (1 << 35) + i
        n[0] += float(f) is f
        n[1] += int(b) is b
        n[2] += abs(b) is b
        n[3] += max(f, -1.0) is f
        n[4] += min(b, b) is b
        n[5] += (f or 0) is f
        n[6] += (b and f) is f
        n[7] += +f is f
        n[8] += abs(f) is f
        n[9] += (b if f >= 0 else f) is b
        n[10] += b * 1 is b
        n[11] += b + 0 is b
    return n


def ids_stay(turns):
    x = 2.5
    first = id(x)
    y = x
    n = 0
    for i in range(turns):
        n += id(y) == first
        if i % 50 == 49:
            y = y + 1.0 - 1.0
            n += id(y) == first
            y = x
    return n


def swaps(turns):
    a, b = 1.5, 2.5
    ia, ib = id(a), id(b)
    n = 0
    for i in range(turns):
        a, b = b, a
        n += (id(a) == ib) + (id(b) == ia)
    return n


def in_containers(turns):
    nan = float("nan")
    data = [nan]
    n = 0
    for i in range(turns):
        m = nan * 1.0
        n += (nan in data) + 10 * (m in data) + 100 * (nan == nan) + 1000 * ([nan] == data) + 10000 * ([m] == data)
    return n


def constants(turns):
    n = 0
    a = 1.5
    for i in range(turns):
        b = 1.5
        n += a is b
        c = 123456789
        d = 123456789
        n += c is d
        e = (1, 2.5)
        f = (1, 2.5)
        n += e is f
    return n


def conditional_box(turns):
    """The float is needed as an object only in some turns; then it is one object."""
    x = 0.0
    keep = []
    for i in range(turns):
        x += 0.125
        if i % 40 == 0:
            keep.append(x)
            keep.append(x)
            y = x
            keep.append(y)
    return [keep[k] is keep[k + 1] is keep[k + 2] for k in range(0, len(keep), 3)], y is keep[-1]


for function in (assignment, through_list, through_call, carried, small_ints, same_object_results, ids_stay, swaps, in_containers, constants, conditional_box):
    print(function.__name__, function(200))
