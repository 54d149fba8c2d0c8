"""The contract's sixth point: recursion limits, memory errors and stack overflow give the same exception, at the same depth."""

import sys

sys.setrecursionlimit(400)


class Nested:
    def __init__(self, inner=None):
        self.inner = inner

    def __repr__(self):
        return f"<{self.inner!r}>"

    def __eq__(self, other):
        return self.inner == other.inner

    def __getattr__(self, name):
        return getattr(self, name + "x")

    def __add__(self, other):
        return self + other

    def __iter__(self):
        return iter(self)

    def __getitem__(self, index):
        return self[index + 1]

    def __hash__(self):
        return hash(self)

    def __len__(self):
        return len(self)

    def __bool__(self):
        return not self

    def __call__(self):
        return self()


depth = 0


def count(x):
    global depth
    depth += 1
    return count(x + 1)


def count_with_loop(x):
    global depth
    depth += 1
    for i in range(2):
        x = count_with_loop(x + i)
    return x


def count_by_map(x):
    global depth
    depth += 1
    return list(map(count_by_map, [x]))


def count_in_generator(x):
    global depth
    depth += 1
    yield from count_in_generator(x + 1)


def mutual(x):
    global depth
    depth += 1
    return lambda_in_between(x)


lambda_in_between = lambda x: mutual(x + 1)  # noqa: E731


def deepest(function):
    """How deep it went, and with what it ended; from a hot loop, so that callers are compiled code."""
    global depth
    found = set()
    for _ in range(60):
        depth = 0
        try:
            result = function()
        except (RecursionError, MemoryError, OverflowError) as error:
            found.add((type(error).__name__, str(error), depth))
        else:
            found.add(("returned", str(result)[:40], depth))
    return sorted(found)


thing = Nested()
cases = {
    "function": lambda: count(0),
    "loop": lambda: count_with_loop(0),
    "map": lambda: count_by_map(0),
    "generator": lambda: list(count_in_generator(0)),
    "mutual": lambda: mutual(0),
    "getattr": lambda: thing.missing and 0,
    "add": lambda: thing + thing,
    "iter": lambda: list(thing),
    "getitem": lambda: thing[0],
    "hash": lambda: {thing: 1},
    "len": lambda: len(thing),
    "bool": lambda: 1 if thing else 2,
    "call": lambda: thing(),
    "sum": lambda: sum([thing], thing),
    "huge list": lambda: [0] * (sys.maxsize // 8),
    "huge string": lambda: "ab" * (sys.maxsize // 2),
    "huge shift": lambda: 1 << (1 << 62),
    "huge float": lambda: 10.0 ** 400,
    "int of float": lambda: int(float("inf")),
    "range": lambda: len(range(1 << 70)),
}
for name, function in cases.items():
    print(name, deepest(function))


def room_again(n):
    """After each overflow the whole depth is there again."""
    depths = set()
    global depth
    for i in range(n):
        depth = 0
        try:
            count(i)
        except RecursionError:
            depths.add(depth)
    return len(depths)


print(room_again(50))
nested = None
for i in range(150):
    nested = Nested(nested)
print(len(repr(nested)))
for i in range(5000):
    nested = [nested]
del nested
print("gone")
