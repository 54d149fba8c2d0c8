"""The address space is used up when loops get hot: each ends with the right result or a MemoryError, and all is well when there is memory again."""

import resource


def mixed(n):
    total, x = 0, 0.5
    for i in range(n):
        total += i * i
        x = x * 1.01 + i
        if i % 5 == 2:
            total ^= 3
    return total, x


class Point:
    def __init__(self, x):
        self.x = x

    def moved(self, by):
        return Point(self.x + by)


def objects(n):
    p = Point(1.5)
    for i in range(n):
        p = p.moved(i * 0.5)
    return p.x


def pairs(n):
    for i in range(n):
        yield i, i << 40


def generators(n):
    return sum(a + b for a, b in pairs(n))


def recursion(n):
    return n if n < 2 else recursion(n - 1) + 1


def many_arguments(*args):
    return len(args)


def calls(n):
    total = 0
    for i in range(n):
        total += many_arguments(*range(i % 40)) + recursion(i % 30)
    return total


FUNCTIONS = mixed, objects, generators, calls


def attempt(function):
    try:
        return function(1000)
    except MemoryError:
        return None


def vanish(name, expected):
    """The same functions as new code, so that nothing is compiled yet, while there is no memory."""
    space = {"__name__": name}
    new = {f.__name__: type(f)(f.__code__.replace(co_name=f.__name__ + name), globals() | space) for f in FUNCTIONS}
    blocks = []
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    results = []
    resource.setrlimit(resource.RLIMIT_AS, (now, limits[1]))
    try:
        size = 1 << 22
        while size >= 512:
            try:
                blocks.append(bytearray(size))
            except MemoryError:
                size //= 2
        for function in new.values():
            results.append(attempt(function))
    except MemoryError:
        pass
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        del blocks
    wrong = sum(got not in (None, wanted) for got, wanted in zip(results, expected))
    again = [function(1000) for function in new.values()] == expected
    return wrong, again


expected = [function(1000) for function in FUNCTIONS]
print(expected)
for turn in range(3):
    print(vanish(str(turn), expected))
