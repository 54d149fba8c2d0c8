"""Functions with a short loop, called from a hot loop: turns more and fewer, other types, exceptions, frames and deaths in mid-loop."""

import sys
import traceback


def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


def digit_sum(n):
    total = 0
    while n:
        total += n % 10
        n //= 10
    return total


def horner(coefficients, x):
    value = 0
    for c in coefficients:
        value = value * x + c
    return value


def is_palindrome(items):
    i, j = 0, len(items) - 1
    while i < j:
        if items[i] != items[j]:
            return False
        i += 1
        j -= 1
    return True


def gcds():
    return sum([gcd(i, j) for i in range(1, 120) for j in range(1, 60)])


def two_calls_in_a_turn():
    total = 0
    for i in range(4000):
        total += digit_sum(i) * gcd(i, 360)
    return total


def many_turns_now_and_then():
    total = 0
    for i in range(4000):
        total += digit_sum(10 ** (i % 7) if i % 50 else 9 ** 40)
    return total


def numbers_of_all_sizes():
    out = []
    for shift in (0, 10, 29, 30, 31, 59, 60, 61, 62, 63, 64, 90):
        total = 0
        for i in range(300):
            total += horner((1, -3, i, 7), (1 << shift) + i)
        out.append(total)
    return out


def types_change():
    total = 0
    for i in range(1500):
        x = i if i % 400 else 0.5
        total += horner([1, 2, x], 3 if i % 333 else True)
    return total


def palindromes():
    return [i for i in range(3000) if is_palindrome([int(c) for c in str(i)])][-5:]


class Node:
    def __init__(self, value, after):
        self.value, self.after = value, after


def length(node):
    total = 0
    while node is not None:
        total += node.value
        node = node.after
    return total


def lists_that_grow():
    head, total = None, 0
    for i in range(60):
        head = Node(i, head)
        for _ in range(40):
            total += length(head)
    return total


def inverse_sum(items):
    total = 0
    for x in items:
        total += 60 // x
    return total


def middle(items, turn):
    before = turn * 2
    return inverse_sum(items) + before


def raises_in_the_unrolled_turn():
    out = []
    for turn in range(900):
        items = [1, 2, 3, 0] if turn % 300 == 299 else [1, 2, 3]
        try:
            out.append(middle(items, turn))
        except ZeroDivisionError as error:
            inner = error.__traceback__.tb_next.tb_next.tb_frame
            out.append((inner.f_code.co_name, sorted(inner.f_locals.items()), traceback.format_exc()))
    return [o for o in out if not isinstance(o, int)], sum(o for o in out if isinstance(o, int))


seen = []


def look(k):
    frame = sys._getframe(1)
    seen.append((frame.f_code.co_name, frame.f_lineno, frame.f_lasti, sorted(frame.f_locals.items()), frame.f_back.f_lineno))
    return k


def counts(n, turn):
    k = 0
    while k < n:
        k += 1 if turn % 500 < 499 else look(1)
    return k


def frames_are_looked_at():
    total = 0
    for turn in range(1600):
        total += counts(turn % 5, turn)
    return total, seen


class Noisy:
    alive = 0

    def __init__(self, log):
        self.log = log
        Noisy.alive += 1

    def __del__(self):
        Noisy.alive -= 1
        self.log.append((sys._getframe(1).f_code.co_name, sys._getframe(1).f_lineno))


def last_of(makers, log):
    held = None
    for make in makers:
        held = make(log)
    return held


def deaths_in_the_unrolled_turns():
    log, kept = [], None
    for turn in range(600):
        kept = last_of((Noisy, Noisy, int.__class__) if turn == 590 else (Noisy, Noisy), log) if turn % 3 else None
    return len(log), sorted(set(log)), Noisy.alive, kept is None


def references():
    marker = object()
    items = [marker, marker, marker]
    before = sys.getrefcount(marker)
    for turn in range(700):
        same(items, marker)
    return sys.getrefcount(marker) - before


def same(items, marker):
    n = 0
    for item in items:
        n += item is marker
    return n


def iterators_change(items):
    total = 0
    for x in items:
        total += x
    return total


def iterators():
    total = 0
    for turn in range(2000):
        total += iterators_change((1, 2, 3) if turn % 100 < 50 else [4, 5] if turn % 100 < 75 else range(turn % 6))
    return total


for function in (
    gcds,
    two_calls_in_a_turn,
    many_turns_now_and_then,
    numbers_of_all_sizes,
    types_change,
    palindromes,
    lists_that_grow,
    raises_in_the_unrolled_turn,
    frames_are_looked_at,
    references,
    iterators,
):
    print(function.__name__, function())
try:
    print(deaths_in_the_unrolled_turns())
except TypeError as error:
    print(type(error).__name__, Noisy.alive)
