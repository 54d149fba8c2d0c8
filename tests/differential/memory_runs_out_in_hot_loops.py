"""Each single allocation of a hot loop fails in turn: the loop ends with the right result or a MemoryError, and nothing crashes."""

try:
    from _testcapi import remove_mem_hooks, set_nomemory
except ImportError:  # not installed everywhere
    remove_mem_hooks = set_nomemory = None

TURNS = 200


def mixed_ints(n):
    total = 1 << 40
    for i in range(n):
        total += i << 33
        if i & 7 == 5:
            total ^= 12345678901
    return total


def difference_or_sum(a, b, n):
    if n % 5 == 3:
        return a - b
    return a + b * 2.0


def calls(n):
    total = 1.0
    for i in range(n):
        total = difference_or_sum(total, float(i), i)
    return total


def depth(k):
    return 1.5 if k < 1 else depth(k - 1) + 1.25


def recursion(n):
    total = 0.0
    for i in range(n):
        total += depth(i % 20)
    return total


def swaps(n):
    a, b = 1.5, 1 << 40
    for i in range(n):
        a, b = (b + 1.0, int(a)) if i % 3 else (a + 1, b)
    return a, b


def containers(n):
    values, counts = [], {}
    for i in range(n):
        values.append(i * 2.5)
        counts[i % 50] = i << 40
    return values[-1], len(values), sum(counts.values())


def raises(n):
    total, big = 0.5, 1 << 50
    for i in range(n):
        try:
            total += i / (i % 9)
            big += i << 20
        except ZeroDivisionError:
            total -= 1
    return total, big


# An exit makes as many boxes as a native frame holds values.
many_locals = """def many_locals(n):
    i = 0.5
    while i < n:
        i += 1.0
"""
many_locals += "".join(f"        v{k} = i + {k}.25\n" for k in range(260)) + "    return v0 + v259\n"
exec(many_locals)


def attempt(function, start, stop):
    """None when memory ran out."""
    try:
        set_nomemory(start, stop)
        try:
            return function(TURNS)
        finally:
            remove_mem_hooks()
    except MemoryError:
        return None


for function in (mixed_ints, calls, recursion, swaps, containers, raises, many_locals):
    expected = function(TURNS)
    wrong = 0
    if set_nomemory:
        for start in range(1, 400, 3):
            for length in (1, 20):
                wrong += attempt(function, start, start + length) not in (None, expected)
        # No memory at all from here on: more than a reserve of any size holds.
        for start in range(1, 400, 50):
            wrong += attempt(function, start, 0) not in (None, expected)
    print(function.__name__, expected, wrong, function(TURNS) == expected)
