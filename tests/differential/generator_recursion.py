"""Generators in generators, as deep as the recursion limit allows: each running one takes one level."""

import sys


def nested(n):
    if n:
        for x in nested(n - 1):
            yield x
    else:
        yield "bottom"


def delegating(n):
    if n:
        yield from nested_or_delegating(n - 1)
    else:
        yield "bottom"


def nested_or_delegating(n):
    return delegating(n) if n % 2 else nested_delegating(n)


def nested_delegating(n):
    for x in delegating(n):
        yield x


async def awaiting(n):
    if n:
        return await awaiting(n - 1)
    return "bottom"


def run(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as e:
        return e.value


def depth_of(make):
    low, high = 1, 400
    while low + 1 < high:
        middle = (low + high) // 2
        try:
            for x in make(middle):
                pass
            low = middle
        except RecursionError as e:
            assert str(e).startswith("maximum recursion depth exceeded"), e
            high = middle
    return low


def deepest(n):
    """How deep a chain of loops got, and what state the generators have then."""

    def level(i):
        made.append(me := [None])
        try:
            for x in level_of(i + 1, me):
                yield x
        except RecursionError:
            caught.append(i)
            raise

    def level_of(i, me):
        me[0] = level(i)
        return me[0]

    made, caught = [], []
    try:
        for x in level(0):
            pass
    except RecursionError:
        pass
    return len(made), len(caught), caught[0], caught[-1], [m[0] and m[0].gi_frame for m in made[-3:]]


for warm_up in range(60):
    for x in nested(5):
        pass
    for x in delegating(6):
        pass
    run(awaiting(5))

sys.setrecursionlimit(150)
print(depth_of(nested), depth_of(delegating), depth_of(lambda n: [run(awaiting(n))]))
for turn in range(3):
    print(deepest(0))
sys.setrecursionlimit(170)
print(depth_of(nested), depth_of(delegating), depth_of(lambda n: [run(awaiting(n))]))
