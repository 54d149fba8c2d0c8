"""What a recording relies on dies before the recording ends: inlined code, defaults, classes."""

import gc


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        if self.name % 29 == 0:
            print("dies:", self.name)


def code_made_in_the_turn(turns):
    """The code that is called is gone before the turn ends; the next one may get its place."""
    texts = [f"lambda x: x * {i % 7} + {i % 11}" for i in range(turns)]
    total = 0
    for i in range(turns):
        f = eval(texts[i])
        total += f(i)
        f = None
        total += len(texts)
    return total


def code_and_other_objects(turns):
    """What is made next is as large as the code that died."""
    functions = [eval(f"lambda x, y: x + y + {i % 3}") for i in range(turns)]
    kept = []
    for i in range(turns):
        f = functions.pop()
        value = f(i, 2 * i)
        f = None
        kept.append([bytes(160 + (i & 63)), bytearray(200), (value, i), {i: value}])
        if len(kept) > 50:
            kept.pop(0)
    return sum([len(a) + len(b) + c[0] + d[c[1]] for a, b, c, d in kept])


def defaults(turns):
    """The function holds the last reference to its defaults; they die with it, in this turn."""

    def make(i):
        def f(x, loud=Loud(i)):
            return x + loud.name

        return f

    functions = [make(i) for i in reversed(range(turns))]
    total = 0
    for i in range(turns):
        f = functions.pop()
        total += f(i)
        f = None
        if i % 29 == 0:
            print("turn:", i)
        total += len(functions)
    return total


def classes(turns):
    """Classes with the collector at work in each turn."""

    def make(i):
        class Point:
            scale = i % 5

            def scaled(self, x):
                return x * self.scale + self.scale

        return Point

    made = [make(i) for i in range(turns)]
    collect = gc.collect
    total = 0
    for i in range(turns):
        point = made.pop()()
        total += point.scaled(i)
        point = None
        collect(0)
        total += len(made)
    return total


def in_a_bridge(turns):
    """A bridge inlines what dies in it."""
    functions = [eval(f"lambda x: x % {i % 13 + 1}") for i in range(turns)]
    total = 0
    for i in range(turns):
        if i % 3 == 2:
            f = functions.pop()
            total += f(i)
            f = None
            total -= len(functions)
        total += i & 7
    return total


for function, turns in [
    (code_made_in_the_turn, 600),
    (code_and_other_objects, 600),
    (defaults, 300),
    (classes, 200),
    (in_a_bridge, 1500),
]:
    print(function.__name__, function(turns))
    gc.collect()
