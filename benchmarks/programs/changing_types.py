"""One function with ints, floats, strings, tuples and big ints in turn: a worst case for specialising."""


def combine(a, b):
    c = a + b
    if c == a:
        return b
    return c


arguments = [(1, 2), (1.5, 2.5), ("a", "b"), ((1,), (2,)), (1, 2.5), (True, 1 << 70), ([1], [2]), (1 << 65, 3)]


def loop(n):
    size = 0
    for i in range(n):
        a, b = arguments[i & 7]
        c = combine(a, b)
        if type(c) is not str:
            size += 1
    return size


def iteration():
    return loop(120000)
