"""Dict insertion order, deletion, update during hot loops, and the RuntimeError when a dict changes under its own loop."""

import traceback


def histogram(turns):
    d = {}
    x = 7
    for i in range(turns):
        x = x * 1103515245 + 12345 & 0x7FFFFFFF
        k = x % 23
        d[k] = d.get(k, 0) + 1
    return list(d.items())[:5], len(d)


def string_keys(turns):
    d = {}
    for i in range(turns):
        key = "k" + str(i % 37)
        if key in d:
            d[key] += 1
        else:
            d[key] = 1
        if i % 11 == 0:
            del d[key]
    return list(d.items())[:4], list(d)[-4:]


def reinsertion(turns):
    d = dict.fromkeys(range(10))
    for i in range(turns):
        k = i % 10
        v = d.pop(k)
        d[k] = (v or 0) + i
    return list(d.items())


def iterate(n):
    d = {i: i * i for i in range(n)}
    total = 0
    for k in d:
        total += d[k] - k
    for k, v in d.items():
        d[k] = v + 1
        total += v
    for v in d.values():
        total ^= v
    for k in reversed(d):
        total -= k
    return total


def grows_under_loop(n):
    d = dict.fromkeys(range(n))
    for k in d:
        if k == n - 20:
            d["new"] = 1


def shrinks_under_loop(n):
    d = dict.fromkeys(range(n))
    for k, v in d.items():
        if k == n - 20:
            del d[0]


def missing_key(n):
    d = dict.fromkeys(range(n), 1)
    total = 0
    for i in range(n + 1):
        total += d[i]


def unhashable(n):
    d = {}
    for i in range(n):
        d[i if i < n - 1 else []] = i


print(histogram(600), string_keys(400), reinsertion(305), iterate(250))
for function in (grows_under_loop, shrinks_under_loop, missing_key, unhashable):
    try:
        function(200)
    except (RuntimeError, KeyError, TypeError) as e:
        print(traceback.format_exc())


def equal_keys(turns):
    d = {}
    for i in range(turns):
        d[i % 2] = "int"
        d[bool(i % 2)] = "bool"
        d[float(i % 2)] = "float"
    return d


print(equal_keys(100))


class Loud:
    """Counts the calls of __hash__ and __eq__."""

    calls = [0, 0]

    def __init__(self, n):
        self.n = n

    def __hash__(self):
        Loud.calls[0] += 1
        return self.n % 3

    def __eq__(self, other):
        Loud.calls[1] += 1
        return self.n == other.n


def user_keys(turns):
    d = {}
    for i in range(turns):
        d[Loud(i % 5)] = i
    return len(d), Loud.calls, [k.n for k in d]


print(user_keys(150))


class Missing(dict):
    def __missing__(self, key):
        self[key] = key * 2
        return key


def subclass(turns):
    d = Missing()
    total = 0
    for i in range(turns):
        total += d[i % 50]
    return total, len(d)


print(subclass(200))


def merge(turns):
    a = {}
    for i in range(turns):
        a = {**a, i % 20: i} | {"x": i}
        a |= {i % 3: -i}
    return list(a.items())


print(merge(120))
