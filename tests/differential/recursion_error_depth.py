"""RecursionError comes at the same depth and with the same text, also when the recursion is hot, also after setrecursionlimit."""

import sys
import traceback

deepest = 0


def down(n):
    global deepest
    deepest = n
    return down(n + 1) + 1


def ping(n):
    global deepest
    deepest = n
    return pong(n + 1)


def pong(n):
    global deepest
    deepest = n
    total = 0
    for i in range(3):
        total += i
    return ping(n + 1) + total


class Node:
    def __init__(self, n):
        global deepest
        deepest = n
        self.child = Node(n + 1)

    def __repr__(self):
        return repr(self)


def bounded(n):
    return 0 if n == 0 else 1 + bounded(n - 1)


for limit in (1000, 400, 700):
    sys.setrecursionlimit(limit)
    for function in (down, ping, Node):
        for _ in range(4):
            try:
                function(0)
            except RecursionError as e:
                print(limit, function.__name__, deepest, e)
                last = e
    frames = 0
    tb = last.__traceback__
    while tb:
        frames += 1
        tb = tb.tb_next
    print(frames)

try:
    down(0)
except RecursionError:
    print(traceback.format_exc())

# The exact depth that still works, found from below, and again when hot.
sys.setrecursionlimit(300)
for _ in range(3):
    n = 200
    while True:
        try:
            bounded(n)
        except RecursionError:
            break
        n += 1
    print(n)


def limit_from_loop(turns):
    """A call out of a hot loop at the edge of the limit."""
    ok = failed = 0
    for i in range(turns):
        try:
            bounded(n - 5 + i % 8)
            ok += 1
        except RecursionError:
            failed += 1
    return ok, failed


print(limit_from_loop(160))
