"""Warm int operators around the sizes of one, two and three digits and of 63 bits: values, digests, kept and dropped; also with debug hooks
around each block of memory, where an int of one digit has no room for a second."""

import hashlib
import os
import subprocess
import sys

EDGES = [0, 1, 5, 256, 257, 2**15, 2**30 - 1, 2**30, 2**30 + 1, 2**31, 2**45 + 12345, 2**60 - 1, 2**60, 2**60 + 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**90 + 7]
NUMBERS = [sign * n for n in EDGES for sign in (1, -1)]


def add(a, b):
    return a + b


def sub(a, b):
    return a - b


def mul(a, b):
    return a * b


def bits(a, b):
    return (a & b, a | b, a ^ b)


def divide(a, b):
    return (a // b, a % b) if b else None


def shift(a, b):
    return (a << (b & 63), a >> (b & 63))


def chain(a, b):
    # each middle result dies at once
    x = a
    x = (x * 31 + b) % 1000000007
    x += a - b
    x = x * 3 + 1
    x -= b
    return x


def in_turn(function):
    """All pairs, so that one site sees every size again and again."""
    kept = []
    for a in NUMBERS:
        for b in NUMBERS:
            kept.append(function(a, b))
    return kept


def one_size(function, a, b):
    """The same pair for long, so that the site settles on it."""
    result = None
    for _ in range(300):
        result = function(a, b)
    return result


def random31():
    x = 12345
    for _ in range(2000):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
    return x


def fnv():
    h = 0xCBF29CE484222325
    for i in range(2000):
        h = ((h ^ (i & 255)) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def grow():
    # from one digit to many, and back
    x = 3
    seen = []
    for i in range(120):
        x = x * 3 + i
        seen.append(x)
    for i in range(119, -1, -1):
        x = (x - i) // 3
    return x, sum(seen) % (10**9 + 7)


def kept_apart():
    # live results must not share their memory with what dies around them
    numbers = []
    total = 1 << 40
    for i in range(3000):
        total += i * 12345
        numbers.append(total)
        total - i
        (total + i) * 2
    return len(set(map(id, numbers))), sum(numbers), numbers[17], numbers[-1]


def counts():
    x = (1 << 40) + 1
    y = x + 1
    for _ in range(500):
        z = x + y
    return sys.getrefcount(x) - sys.getrefcount(y), z


functions = (add, sub, mul, bits, divide, shift, chain)
for function in functions:
    results = in_turn(function)
    print(function.__name__, len(results), hashlib.sha256(repr(results).encode()).hexdigest())
for function in functions:
    results = [one_size(function, a, b) for a in NUMBERS[6::5] for b in NUMBERS[::4]]
    print(function.__name__, hashlib.sha256(repr(results).encode()).hexdigest())
print(random31(), fnv(), grow(), kept_apart(), counts())
if sys.argv[1:] != ["child"]:
    for allocator in ("malloc", "debug", "malloc_debug"):
        done = subprocess.run([sys.executable, __file__, "child"], env={**os.environ, "PYTHONMALLOC": allocator}, capture_output=True, text=True)
        print(allocator, done.returncode, hashlib.sha256(done.stdout.encode()).hexdigest(), done.stderr)
