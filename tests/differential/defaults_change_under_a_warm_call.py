"""A call that leaves the last parameters to their defaults, where the function's defaults, or the function of the same code, change."""

import sys


def make(*defaults):
    def function(a, b=1, c=2):
        return a, b, c

    function.__defaults__ = defaults or None
    return function


class Owner:
    def method(self, x, y="why", z=()):
        return x, y, z


def call(function):
    return function(0)


def call_two(function):
    return function(0, 5)


def tell(what, function, *args):
    try:
        return what, function(*args)
    except TypeError as error:
        return what, str(error)


first, second = make(1, 2), make("one", "two")
for turn in range(200):
    assert call(first) == (0, 1, 2)
    assert call_two(first) == (0, 5, 2)
print(call(second), call_two(second))
for defaults in ((7,), (), None, (3, 4), ("a", "b", "c"), tuple(range(5)), (8, 9)):
    first.__defaults__ = defaults
    for turn in range(30):
        seen = tell(defaults, call, first), tell(defaults, call_two, first)
    print(*seen)

owner = Owner()
for turn in range(300):
    if turn == 150:
        Owner.method.__defaults__ = ("because",)
    if turn == 200:
        Owner.method.__defaults__ = ([], turn)
    seen = tell(turn, lambda: owner.method(turn)), tell(turn, lambda: owner.method(turn, 1))
    if turn in (149, 150, 199, 200, 299):
        print(*seen)

# The references that a call takes to the defaults are gone when it is over.
kept = object()
first.__defaults__ = (kept, kept)
before = sys.getrefcount(kept)
for turn in range(200):
    call(first)
print(sys.getrefcount(kept) - before)


def recursive(n, step=1, total=0):
    return total if n <= 0 else recursive(n - step) + step


print([recursive(n) for n in (0, 10, 300)])


# Loops with several ways back, some with few turns: they get hot, and count what they count.
def several_ways(limit):
    counts = [0, 0, 0]
    n = 0
    while n < limit:
        n += 1
        if n % 3 == 0:
            counts[0] += 1
            continue
        if n % 5 == 0:
            counts[1] += 1
            continue
        counts[2] += n
    return counts


print([several_ways(limit) for limit in (3, 40, 5000)])


# What a generator gives goes to a caller that has another loop around it, another code, or is left by an exception.
def numbers(n):
    for i in range(n):
        if i == 7:
            raise ValueError(i)
        yield i


def through(n):
    yield from numbers(n)


def total(source):
    result = 0
    try:
        for value in source:
            result += value
    except ValueError as error:
        result += 1000 * error.args[0]
    return result


print([total(numbers(n)) + total(through(n % 9)) for n in range(60)][-12:])
