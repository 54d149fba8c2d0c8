"""sorted(key=), map, filter, reduce, max(key=), list.sort, re.sub, __eq__ in list.index call Python functions from C, in and out of hot loops."""

import functools
import re

total = 0


def key(x):
    global total
    total += 1
    return -x % 17


def hot(n):
    s = 0
    for i in range(n):
        s += i * i % 7
    return s


def callbacks(turns):
    data = [i * 37 % 101 for i in range(30)]
    out = 0
    for i in range(turns):
        data.sort(key=key)
        out += data[i % 30]
        out += max(data, key=lambda v: v ^ i)
        out += functools.reduce(lambda a, b: a * 3 + b & 0xFFFF, data, i)
        out += sum(map(hot, (i % 5, 3)))
        out += len(list(filter(lambda v: v % 2, data)))
    return out


def cmp(a, b):
    for k in range(2):
        a += k
    return (a > b + 1) - (a < b + 1)


def comparisons(turns):
    data = [i * 53 % 97 for i in range(20)]
    for i in range(turns):
        data = sorted(data, key=functools.cmp_to_key(cmp), reverse=i % 2)
    return data[:5]


def raising_key(turns):
    def k(x):
        if x == turns - 1:
            raise KeyError(x)
        return -x

    n = 0
    for i in range(turns):
        try:
            sorted([3, i, 1], key=k)
        except KeyError as e:
            n = e.args[0], i
    return n


def substitution(turns):
    n = 0

    def repl(m):
        nonlocal n
        n += 1
        return str(int(m.group()) + n)

    text = "a1b22c333"
    for i in range(turns):
        text = re.sub(r"\d+", repl, text)
    return text, n


class Eq:
    def __init__(self, v):
        self.v = v

    def __eq__(self, other):
        s = 0
        for i in range(self.v):
            s += i
        return s == other


def index(turns):
    data = [Eq(k) for k in range(12)]
    n = 0
    for i in range(turns):
        n += data.index(sum(range(i % 12))) + data.count(0) + (55 in data)
    return n


def nested_activations(depth):
    """Hot loop, C call, hot loop, C call, ... each on top of the other; an exception goes through all."""
    out = 0
    for i in range(12):
        out += i
        if depth and i % 4 == 3:
            out += sum(map(nested_activations, (depth - 1,)))
    if depth == 0 and boom[0] == 0:
        raise StopAsyncIteration("unwound")
    boom[0] -= 1
    return out


boom = [-1]
for n in (-1, 50):
    boom[0] = n
    try:
        print(nested_activations(4))
    except StopAsyncIteration as e:
        tb = e.__traceback__
        depth = 0
        while tb:
            depth += 1
            last = tb.tb_frame.f_locals.get("i")
            tb = tb.tb_next
        print(e, depth, last)


@functools.lru_cache(maxsize=None)
def cached(n):
    return n if n < 2 else cached(n - 1) + cached(n - 2)


@functools.lru_cache(maxsize=16)
def small_cache(n):
    return hot(n)


def caches(turns):
    s = 0
    for i in range(turns):
        s += cached(i) % 1000 + small_cache(i % 20)
    return s, cached.cache_info(), small_cache.cache_info()


print(callbacks(60), total, comparisons(30), raising_key(80), substitution(60), index(100))
print(caches(150))


class Big:
    def __init__(self):
        self.n = 0

    def __float__(self):
        self.n += 1
        return 1.5

    def __index__(self):
        self.n += 1
        return 3

    def __hash__(self):
        self.n += 1
        return 7

    def __str__(self):
        self.n += 1
        return "big"

    def __iter__(self):
        self.n += 1
        return iter((1, 2))


def conversions(turns):
    b = Big()
    total = 0
    for i in range(turns):
        total += float(b) + int(b) + hash(b) + len(str(b)) + sum(b) + len(range(b)) + [0, 1, 2, 3][b]
        x, y = b
        total += x + y + len("%s" % b)
    return total, b.n


print(conversions(100))
