"""min, max, abs, len, sum, sorted, any, all of two or more with mixed types, nan order, ties, user classes, errors."""

import traceback

nan = float("nan")


def clamp(turns):
    total = 0
    for i in range(turns):
        total += min(max(i - 100, 0), 50)
        total += max(min(i, 7.5), -i)
    return repr(total)


def ties(turns):
    """Of equal ones the first wins: 1 against 1.0, 0.0 against -0.0."""
    log = None
    for i in range(turns):
        log = [min(1, 1.0), min(1.0, 1), max(1, 1.0), max(1.0, True), min(0.0, -0.0), max(-0.0, 0.0), min(-0.0, 0), max(False, 0)]
    return log


def not_a_number(turns):
    log = None
    for i in range(turns):
        x = i * 1.0
        log = [min(nan, x), min(x, nan), max(nan, x), max(x, nan), max(nan, x, nan), min(x, nan, -1.0), abs(nan), abs(-nan)]
    return log


def types_change(turns):
    a = 1
    b = 2
    log = []
    for i in range(turns):
        if i == 100:
            b = 1.5
        if i == 150:
            a, b = "x", "abc"
        if i == 180:
            a, b = [1], [0, 5]
        m = max(a, b)
        n = min(a, b)
        if i in (99, 100, 149, 150, 179, 180):
            log.append((m, n))
    return log


class Sized:
    n = 0

    def __len__(self):
        self.n += 1
        return self.n

    def __abs__(self):
        return self

    def __lt__(self, other):
        return True

    def __gt__(self, other):
        return False


def user(turns):
    s = Sized()
    total = 0
    for i in range(turns):
        total += len(s)
        if abs(s) is s and max(3, s) == 3 and min(5, s) is s:
            total += 1
    return total


def lengths(turns):
    things = [[1], (1, 2), "abc", {1: 2}, {1, 2}, b"abcdef", range(9), range(0), Sized(), bytearray(3)]
    total = 0
    for i in range(turns):
        total = total * 3 % 1000003 + len(things[i % len(things)])
    return total


def with_keys(turns):
    total = 0
    for i in range(turns):
        total += max(i, 50, key=lambda v: v % 7) + min([3, i % 5, 1], default=9) + max((), default=4) + sum([i, 1, 2], 3)
        total += any(v > i for v in (1, 60)) + all([i, 1]) + sorted([i % 3, 1, 2], reverse=True)[0]
    return total


def ints(turns):
    edge = (1 << 63) - 100
    total = 0
    for i in range(turns):
        total += min(edge + i, 1 << 63) - max(-edge - i, -(1 << 63)) + abs(-edge - i)
    return total


print(clamp(300), ties(150), not_a_number(150))
print(types_change(200), user(150), lengths(300), with_keys(200), ints(200))


def bad_length(turns):
    class L:
        def __len__(self):
            return turns - 2 - self.i

    x = L()
    for x.i in range(turns):
        len(x)


def no_length(turns):
    for i in range(turns):
        len([] if i < turns - 1 else i)


def unordered(turns):
    for i in range(turns):
        max(i, 1 if i < turns - 1 else "a")


def no_abs(turns):
    for i in range(turns):
        abs(i if i < turns - 1 else [])


def raises_in_lt(turns):
    class R:
        def __gt__(self, other):
            1 // (turns - 1 - other)

    r = R()
    for i in range(turns):
        max(i, r)


for function in (bad_length, no_length, unordered, no_abs, raises_in_lt):
    try:
        function(150)
    except (ValueError, TypeError, ZeroDivisionError):
        print(traceback.format_exc())
