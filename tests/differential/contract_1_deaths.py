"""The contract's first point: objects die where they would have died: at the same instruction, in the same order, with the right frames in view."""

import sys
import weakref
import zlib

log = []


class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        frame = sys._getframe(1)
        log.append((self.name, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))


def gone(name):
    return lambda reference: log.append(("ref", name, sys._getframe(1).f_code.co_name))


def overwritten(n):
    held = None
    for i in range(n):
        held = Thing(i)
        x = i * 2
        held = None if i % 3 else held
    return x


def as_temporary(n):
    total = 0
    for i in range(n):
        total += Thing(i).name
        total += [Thing(i), 1][1]
    return total


def last_of_two(n):
    kept = []
    for i in range(n):
        a = b = Thing(i)
        if i % 50 == 0:
            kept.append(b)
        del a
        log.append(("between", i))
        del b
    return kept


def in_callee(thing):
    thing = None
    return 1


def handed_over(n):
    total = 0
    for i in range(n):
        total += in_callee(Thing(i))
        total += in_callee([Thing(i), Thing(-i)])
    return total


def in_containers(n):
    items = [None] * 4
    table = {}
    for i in range(n):
        items[i & 3] = Thing(i)
        table[i % 5] = (Thing(("t", i)), i)
        if i % 7 == 0:
            items.pop()
            items.append(None)
    log.append("end")


def with_weak_references(n):
    alive = 0
    for i in range(n):
        thing = Thing(i)
        reference = weakref.ref(thing, gone(i))
        alive += reference() is thing
        thing = i
        alive += reference() is None
    return alive


def after_exceptions(n):
    caught = 0
    for i in range(n):
        thing = Thing(i)
        try:
            thing.missing
        except AttributeError as error:
            caught += error.obj is thing
            del thing
            log.append(("handled", i))
        log.append(("after", i))
    return caught


def resurrected(n):
    saved = []

    class Phoenix:
        def __init__(self, number):
            self.number = number

        def __del__(self):
            if self.number % 40 == 0:
                saved.append(self)
            log.append(self.number)

    for i in range(n):
        p = Phoenix(i)
        p.other = i
    del p
    return [(p.number, p.other) for p in saved]


def counts(n):
    seen = set()
    shared = object()
    for i in range(n):
        a = shared
        b = [a, a]
        seen.add(sys.getrefcount(shared))
        c = (b, a)
        seen.add(sys.getrefcount(b))
        del c
    return sorted(seen)


for function in overwritten, as_temporary, last_of_two, handed_over, in_containers, with_weak_references, after_exceptions, resurrected, counts:
    for _ in range(2):
        del log[:]
        result = function(300)
        if isinstance(result, list) and result and isinstance(result[0], Thing):
            result = [thing.name for thing in result]
        print(function.__name__, result, len(log), zlib.crc32(repr(log).encode()))
        print(log[:12], log[140:150], log[-8:])
