"""Recursive functions become hot: fib, ackermann, mutual recursion, recursion out of a hot loop, hot loop inside recursion."""

import sys


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def hanoi(n, a, b, c):
    if n == 0:
        return 0
    return hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a)


def loop_in_recursion(n):
    total = 0
    for i in range(n):
        total += i * n
    if n:
        total += loop_in_recursion(n - 1)
    for i in range(n):
        total ^= i
    return total


def tree(depth):
    return None if depth == 0 else (tree(depth - 1), depth, tree(depth - 1))


def walk(node):
    if node is None:
        return 0
    left, value, right = node
    return walk(left) + value + walk(right)


def permutations(items, k, out):
    if k == len(items):
        out.append(tuple(items))
        return
    for i in range(k, len(items)):
        items[k], items[i] = items[i], items[k]
        permutations(items, k + 1, out)
        items[k], items[i] = items[i], items[k]


def float_recursion(x, n):
    return x if n == 0 else float_recursion(x * 1.5 - 0.25, n - 1)


print(fib(15), ackermann(2, 8), even(401), hanoi(8, "a", "b", "c"), loop_in_recursion(40), walk(tree(8)))
out = []
permutations(list(range(5)), 0, out)
print(len(out), out[::17])
print([float_recursion(float(i), 30).hex() for i in range(0, 30, 7)])


def depth_seen():
    depth = 0
    frame = sys._getframe()
    while frame:
        depth += 1
        frame = frame.f_back
    return depth


def nested(n):
    return depth_seen() if n == 0 else nested(n - 1)


print([nested(n) for n in range(0, 100, 9)])
