"""List, set, dict comprehensions and nested ones as hot loops; the loop variable does not leak; exceptions inside."""

import traceback


def lists(n):
    a = [i * i for i in range(n)]
    b = [x / 2 for x in a if x % 3]
    c = [[i * j for j in range(5)] for i in range(n)]
    d = [x for row in c for x in row if x & 1]
    return sum(a), sum(b), sum(map(sum, c)), sum(d)


def sets_and_dicts(n):
    s = {i % 17 for i in range(n)}
    d = {i: i * 0.5 for i in range(n)}
    e = {v: k for k, v in d.items()}
    f = {k: {j for j in range(k % 4)} for k in range(n)}
    return sorted(s), len(d), sum(d.values()), list(e)[-1], sum(map(len, f.values()))


def leaks(n):
    i = "outer"
    x = [i for i in range(n)]
    return i, x[-1]


def closures(n):
    fs = [lambda: i for i in range(n)]
    gs = [lambda i=i: i for i in range(n)]
    return {f() for f in fs}, sum(g() for g in gs)


def fails(n):
    return [1 / (n - 1 - i) for i in range(n)]


def walrus(n):
    return [y for i in range(n) if (y := i * 3 % 7) > 3][-5:], y


def outer_variable(n, k):
    return [i * k + n for i in range(n)][-1]


for _ in range(3):
    print(lists(200), sets_and_dicts(200))
    print(leaks(100), closures(50), walrus(100), outer_variable(100, 2.5))
try:
    fails(150)
except ZeroDivisionError as e:
    print(traceback.format_exc())
    print([(f.f_code.co_name, f.f_locals.get("i")) for f, _ in traceback.walk_tb(e.__traceback__)][1:])

print([x for x in "abc" for _ in range(2)], {k: v for k, v in zip("xyz", range(3))})


class Body:
    n = 60
    squares = [i * i for i in range(60)]
    total = sum(squares)


print(Body.total, hasattr(Body, "i"))
