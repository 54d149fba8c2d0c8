#!/usr/bin/env python3
"""Random hot-loop programs: each is run by the base Python and by coluber in each mode, and must print the same.

Who calls it: people and the test runner.

    random_programs.py --base /usr/bin/python3.11 --coluber target/release/coluber --count 200 --seed 1
    random_programs.py --seed 4711 --count 1 --show        # print the program of one seed, run nothing

A program is a tree (`Expr`, `Stmt`), so that a failing one can be made small: statements are dropped, blocks replaced by what is in
them, expressions by their parts, as long as the same mode still differs. The seed alone determines a program: nothing here may
depend on hash order, time or the machine.
"""

import argparse
import concurrent.futures
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

from program_topics import CALLS, CLASSES, GENERATORS, TEXTS, TOPICS, UNBOUND

# Command-line options of coluber for each mode. The thresholds are prime, so that loops are entered at odd turns.
MODES = {
    "off": ["-X", "jit=off"],
    "on": ["-X", "jit=on", "-X", "jit-threshold=13"],
    "stress": ["-X", "jit=stress"],
    # Each guard of each trace fails once, and the frames that its exit rebuilds are compared with the interpreter's.
    "guards": ["-X", "jit-force-guards", "-X", "jit-threshold=4"],
}
# A run takes so many times as long as one in another mode.
SLOWNESS = {"guards": 10}

PROLOGUE = '''\
import gc
import math
import sys
import traceback
import zlib

gc.disable()  # when cycles are found is for no program to know
events = []
later = 0  # a sum of what is no longer written out


def note(*what):
    global later
    if sys_len(events) < 400:
        events.append(what)
    else:
        later = zlib.crc32(repr(what).encode(), later)


is_a, sys_len = isinstance, len  # whatever becomes of the builtins


def at(frame):
    """f_lasti, where CPython's warm code and its cold code agree: they call builtins from the first or the second of two instructions,
    store the second of two values while they are at the first or the second store, and call __getitem__ from a subscript's end or start."""
    code, k = frame.f_code.co_code, frame.f_lasti
    while k > 0 and code[k] == CACHE:
        k -= 2
    if code[k] == CALL:
        return k - 4
    while code[k] == code[k - 2] == STORE_FAST:
        k -= 2
    return k


CACHE, STORE_FAST, CALL = 0, 125, 171  # opcode.opmap


def told(e, where):
    """Where an exception came from. CPython's warm code places an unbound local that is read right after another one at the first."""
    return str(e) if is_a(e, UnboundLocalError) else where


def show(v, depth=0):
    if is_a(v, (int, float, str, type(None))):
        return repr(v)
    if is_a(v, (list, tuple)) and depth < 2:
        return type(v).__name__ + str(len(v)) + "(" + ",".join([show(e, depth + 1) for e in v[-4:]]) + ")"
    return type(v).__name__


def peek(tag):
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "<module>":
        note(tag, frame.f_code.co_name, frame.f_lineno, at(frame), [(k, show(v)) for k, v in frame.f_locals.items()])
        frame = frame.f_back
    return len(tag)


def census():
    """How many objects there are of what a program makes in each turn. What compiled code may keep, such as functions, is left out."""
    gc.collect()
    counted = {}
    for o in gc.get_objects():
        name = type(o).__name__
        if name in ("list", "dict", "frame", "generator", "traceback", "bound method") or type(o).__module__ == "__main__":
            counted[name] = counted.get(name, 0) + 1
    return counted


class Mortal:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        frame = sys._getframe().f_back  # None when Python ends
        note("died", show(self.n), frame and (frame.f_code.co_name, frame.f_lineno, at(frame)))


class Box:
    k = 3

    def __init__(self, n):
        self.n = n
        self.x = 0.5

    def get(self):
        return self.n

    def add(self, v):
        self.n = (self.n + v) % 1000003 if type(v) is int else 1
        return self.n


gi = 5
gx = 0.25
'''

# `main` is called several times, or what would be in it stands in the module.
CALLED = '''

for attempt in range(3):
    before = census()
    try:
        print(main({turns}))
    except Exception as e:
        print(told(e, traceback.format_exc()))
after = census()
print([(name, after.get(name, 0) - before.get(name, 0)) for name in sorted(before | after) if after.get(name) != before.get(name)])
'''

FLAT = '''

n = {turns}
for attempt in range(2):
    try:
{body}
    except Exception as e:
        print(told(e, traceback.format_exc()))
'''

EPILOGUE = '''
for frame in globals().get("kept", ()):
    print(frame.f_code.co_name, frame.f_lineno, [(k, show(v)) for k, v in frame.f_locals.items() if frame.f_code.co_name != "<module>"])
for event in events:
    print(*event)
print(later, gi, globals().get("gx"), Box.k)
'''

# What stands for something in a template of a topic, and braces of Python's own.
HOLE = re.compile("{{|}}|{([a-z])}")

EDGES = [7, 255, 256, 257, (1 << 15) - 1, (1 << 30) - 1, 1 << 30, (1 << 31) - 1, 1 << 32, (1 << 60) - 1, 1 << 60, (1 << 62) + 5, (1 << 63) - 1, 1 << 63, 1 << 64, 1 << 90]


class Expr:
    """An expression: `template` with one `{}` for each of `args`; `kind` is i, f, b or a (any number)."""

    __slots__ = ("kind", "template", "args")

    def __init__(self, kind, template, *args):
        self.kind, self.template, self.args = kind, template, list(args)

    def text(self):
        return self.template.format(*[a.text() for a in self.args])


class Stmt:
    """A statement: header `templates` and the block under each; a simple statement has one template and no block."""

    __slots__ = ("heads", "args", "blocks")

    def __init__(self, heads, args=(), blocks=()):
        self.heads = [heads] if isinstance(heads, str) else heads
        self.args, self.blocks = list(args), list(blocks)

    def lines(self, indent):
        pad = "    " * indent
        texts = [a.text() for a in self.args]
        if not self.blocks:
            yield from (pad + line for h in self.heads for line in h.format(*texts).split("\n"))
            return
        for head, block in zip(self.heads, self.blocks):
            yield from (pad + line for line in head.format(*texts).split("\n"))
            empty = True
            for s in block:
                empty = False
                yield from s.lines(indent + 1)
            if empty:
                yield pad + "    pass"


class Generator:
    """Builds one program from a seed. Variables: i* hold ints, x* floats, a* any number, d* lists; those of the topics have their own names."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.topics = self.r.sample(list(TOPICS.values()), self.r.choice((0, 1, 1, 2, 2, 3)))
        self.functions = []  # (what is called, kinds of the arguments, kind of the result, what is made of the answer)
        self.has_closure = False
        self.in_loop = 0
        self.in_function = False
        self.budget = 0
        self.counter = 0

    # -- expressions

    def literal(self, kind):
        r = self.r
        if kind == "i":
            if r.random() < 0.25:
                return Expr("i", "%s" % ((r.choice(EDGES) + r.randint(-2, 2)) * r.choice((1, 1, -1))))
            return Expr("i", str(r.choice((0, 1, 2, 3, 5, 7, 10, 100, -1, -3))))
        if kind == "f":
            return Expr("f", r.choice(("0.0", "-0.0", "0.5", "1.5", "-2.25", "0.1", "3.0", "1e16", "1e-9", "-7.75", "1e308", "1e400")))
        if kind == "b":
            return Expr("b", r.choice(("True", "False")))
        return self.literal(r.choice("iifb"))

    def leaf(self, kind):
        r = self.r
        names = [v for v in self.variables if v[0] == kind or kind == "a" and v[0] in "ixa"] if kind != "f" else [v for v in self.variables if v[0] == "x"]
        if kind == "i":
            names = names + ["t"] * self.in_loop
        if r.random() < 0.75 and names and kind != "b":
            return Expr(kind, r.choice(names))
        if kind == "i" and r.random() < 0.2:
            return Expr("i", r.choice(("gi", "box.n", "len(d0)", "box.k")))
        if kind == "f" and r.random() < 0.2:
            return Expr("f", r.choice(("gx", "box.x")))
        return self.literal(kind)

    def expr(self, kind, depth):
        r = self.r
        if depth <= 0 or r.random() < 0.15:
            return self.leaf(kind)
        e = lambda k: self.expr(k, depth - 1)
        if r.random() < 0.3 and (templates := self.of_topics({"i": "ints", "f": "floats", "b": "bools"}.get(kind))):
            return Expr(kind, *self.filled(r.choice(templates), depth - 1))
        choice = r.random()
        if kind == "i":
            if choice < 0.4:
                return Expr("i", r.choice(("({} + {})", "({} - {})", "({} * {})", "({} + {})", "({} ^ {})", "({} & {})", "({} | {})")), e("i"), e("i"))
            if choice < 0.55:
                return Expr("i", r.choice(("({} %% %d)", "({} // %d)", "({} %% -%d)", "({} // -%d)")) % r.choice((1, 2, 3, 7, 10, 97, 1 << 31)), e("i"))
            if choice < 0.60:
                return Expr("i", r.choice(("({} // ({} | 1))", "({} % ({} | 1))") * 4 + ("({} // ({} & 15))", "({} % ({} & 31))")), e("i"), e("i"))
            if choice < 0.70:
                return Expr("i", r.choice(("({} << ({} & 15))", "({} >> ({} & 31))")), e("i"), e("i"))
            if choice < 0.78:
                return Expr("i", r.choice(("-{}", "~{}", "abs({})", "({} ** 2)", "(-{} ** 3)", "int({})")), e("i"))
            if choice < 0.82:
                return Expr("i", r.choice(("min({}, {})", "max({}, {})")), e("i"), e("i"))
            if choice < 0.86:
                return Expr("i", "({} if {} else {})", e("i"), e("b"), e("i"))
            if choice < 0.90:
                return Expr("i", "d0[{} % len(d0)]", e("i")) if r.random() < 0.9 else Expr("i", "d0[{}]", e("i"))
            if choice < 0.92:
                return Expr("i", "({} + {})", e("b"), e("i"))
            if choice < 0.94:
                return Expr("i", r.choice(("box.get()", "box.add({})")), e("i"))
            return self.call("i", depth) or Expr("i", "({} - {})", e("i"), e("i"))
        if kind == "f":
            if choice < 0.45:
                return Expr("f", r.choice(("({} + {})", "({} - {})", "({} * {})")), e("f"), e("f"))
            if choice < 0.55:
                return Expr("f", r.choice(("({} + {})", "({} * {})", "({} - {})")), *r.choice(((e("f"), e("i")), (e("i"), e("f")))))
            if choice < 0.63:
                return Expr("f", "({} / (abs({}) + 0.5))", e("f"), e("f"))
            if choice < 0.66:
                return Expr("f", r.choice(("({} / {})", "({} % {})", "({} // {})")), e("f"), e("f") if r.random() < 0.3 else Expr("f", "({} - 0.3)", self.leaf("f")))
            if choice < 0.72:
                return Expr("f", r.choice(("-{}", "abs({})", "({} * 0.5)", "({} % 3.5)", "({} // 1.5)", "math.sin({})", "math.floor({}) * 1.0", "({} ** 2.0)", "float({})")), e("f"))
            if choice < 0.76:
                return Expr("f", r.choice(("math.sqrt(abs({}))", "float({} & 1023)", "({} / 7)", "({} & 255) * 0.125")), e("f") if choice < 0.73 else e("i")) \
                    if choice >= 0.73 else Expr("f", "math.sqrt(abs({}))", e("f"))
            if choice < 0.82:
                return Expr("f", r.choice(("min({}, {})", "max({}, {})")), e("f"), e("f"))
            if choice < 0.88:
                return Expr("f", "({} if {} else {})", e("f"), e("b"), e("f"))
            if choice < 0.92:
                return Expr("f", "d1[{} % len(d1)]", e("i"))
            return self.call("f", depth) or Expr("f", "({} - {})", e("f"), e("f"))
        if kind == "b":
            k = r.choice("iiffa")
            if choice < 0.6:
                return Expr("b", "({} %s {})" % r.choice(("<", "<=", "==", "!=", ">", ">=")), e(k), e(k))
            if choice < 0.75:
                return Expr("b", r.choice(("({} % 2 == 0)", "({} % 3 == 1)", "({} & 4 != 0)", "({} % 17 == 5)")), self.leaf("i"))
            if choice < 0.82:
                return Expr("b", "({} < {} <= {})", e(k), e(k), e(k))
            if choice < 0.92:
                return Expr("b", r.choice(("({} and {})", "({} or {})")), e("b"), e("b"))
            if choice < 0.96:
                return Expr("b", "(not {})", e("b"))
            names = [v for v in self.variables if v[0] in "ixa"]
            return Expr("b", "(%s is %s)" % (r.choice(names), r.choice(names))) if names else Expr("b", "isinstance({}, int)", e("a"))
        if choice < 0.5:
            return Expr("a", r.choice(("({} + {})", "({} - {})", "({} * {})")), e("a"), e("a"))
        if choice < 0.6:
            return Expr("a", "({} if {} else {})", e("a"), e("b"), e("a"))
        if choice < 0.65:
            return Expr("a", r.choice(("min({}, {})", "max({}, {})")), e("a"), e("a"))
        if choice < 0.7:
            return Expr("a", r.choice(("({} and {})", "({} or {})")), e("a"), e("a"))
        return self.expr(r.choice("iifb"), depth - 1)

    def call(self, kind, depth):
        callable_now = [f for f in self.functions if f[2] == kind]
        if not callable_now or self.in_function and self.r.random() < 0.3:
            return None
        name, kinds, _, use = self.r.choice(callable_now)
        call = name + "(" + ", ".join(["{}"] * len(kinds)) + ")"
        return Expr(kind, use % call, *[self.expr(k, depth - 1) for k in kinds])

    # -- topics

    def of_topics(self, part):
        """The templates of all topics of this program."""
        closures = ["bump({i})"] if part == "ints" and self.has_closure and not self.in_function else []
        return [template for topic in self.topics for template in getattr(topic, part)] + closures if part else []

    def filled(self, template, depth):
        """A template for str.format, and the expressions that belong into it."""
        r = self.r
        depth = min(depth, 1)
        found = []

        def fill(hole):
            match hole[1]:
                case None:
                    return hole[0]
                case "k":
                    return str(r.choice((0, 1, 2, 3, 7, 300)))
                case "v":
                    return r.choice([v for v in self.variables if v[0] in "ixa"])
                case "j":
                    return "j%d" % self.counter
                case "n":
                    found.append(self.bounded(self.expr("i", depth)))
                case "s":
                    found.append(Expr("s", *self.filled(r.choice(TEXTS), 0)))
                case kind:
                    found.append(self.expr(kind, depth))
            return "{%d}" % (len(found) - 1)

        return HOLE.sub(fill, template), *found

    def of_topic(self, depth):
        """A statement of one of the topics."""
        r = self.r
        if r.random() < 0.2 and (templates := self.of_topics("seldom")):
            step = r.choice((13, 20, 37, 64))
            head = "if t %% %d == %d:\n    " % (step, r.randrange(step))
            text, *args = self.filled(r.choice(templates), 1)
            return Stmt(head + text.replace("\n", "\n    "), args)
        template = r.choice(self.of_topics("statements"))
        self.counter += "{j}" in template
        text, *args = self.filled(template, 1)
        heads = text.split("\n")
        if not all(head.endswith(":") for head in heads):
            return Stmt(text, args)
        looped = heads[0].startswith("for ")
        self.in_loop += looped
        blocks = [self.block(depth - 1 if depth and self.in_loop < 4 else 0) for _ in heads]
        self.in_loop -= looped
        return Stmt(heads, args, blocks)

    # -- statements

    def is_nested(self):
        """True where a statement runs many times in a turn, so that a product could grow without end."""
        return self.in_loop + self.in_function >= 2

    def bounded(self, value):
        return Expr("i", self.r.choice(("({} & 0x7FFFFFFFFFFFFFFF)", "({} % 18446744073709551629)", "({} & 0xFFFFFFFF)", "({} % 1000003)")), value)

    def nested_int(self, depth):
        value = self.expr("i", depth)
        return self.bounded(value) if self.is_nested() else value

    def assign(self, name, deep=3):
        kind = {"i": "i", "x": "f", "a": "a"}[name[0]]
        r = self.r
        if kind == "i" and self.is_nested():
            return Stmt(name + " = {}", [self.bounded(self.expr(kind, deep))])
        if r.random() < 0.3 and name[0] in "ix":
            op = r.choice(("+", "-", "*", "+") + (("^", "|", "&") if kind == "i" else ()))
            return Stmt("%s %s= {}" % (name, op), [self.expr(kind, deep - 1)])
        return Stmt(name + " = {}", [self.expr(kind, deep)])

    def statement(self, depth):
        r = self.r
        self.budget -= 1
        targets = [v for v in self.variables if v[0] in "ixa"]
        if r.random() < 0.45 and self.topics:
            return self.of_topic(depth)
        c = r.random()
        if depth > 0 and self.budget > 0:
            if c < 0.22:
                blocks = [self.block(depth - 1)]
                heads = ["if {}:"]
                if r.random() < 0.6:
                    heads.append("else:")
                    blocks.append(self.block(depth - 1))
                return Stmt(heads, [self.expr("b", 2)], blocks)
            if c < 0.29 and self.in_loop < 3:
                self.counter += 1
                head = r.choice(("for j%d in range({} & 3):", "for j%d in range({} & 7):", "for j%d in d0[:{} & 3]:")) % self.counter
                bound = self.leaf("i")
                self.in_loop += 1
                block = self.block(depth - 1)
                self.in_loop -= 1
                heads, blocks = [head], [block]
                if r.random() < 0.2:
                    heads.append("else:")
                    blocks.append(self.block(0))
                return Stmt(heads, [bound], blocks)
            if c < 0.33 and self.in_loop < 3:
                self.counter += 1
                w = "w%d" % self.counter
                self.in_loop += 1
                block = self.block(depth - 1)
                self.in_loop -= 1
                # The counter belongs to the header: neither `continue` nor the minimiser can make the loop endless.
                return Stmt(["%s = {} & 7\nwhile %s:\n    %s -= 1" % (w, w, w)], [self.leaf("i")], [block])
            if c < 0.39:
                heads = ["try:", r.choice(("except ArithmeticError as e:", "except (ArithmeticError, LookupError):", "except Exception as e:"))]
                blocks = [self.block(depth - 1), self.block(0)]
                if r.random() < 0.3:
                    heads.append("finally:")
                    blocks.append(self.block(0))
                return Stmt(heads, [], blocks)
        if c < 0.44 and self.in_loop > 1:
            return Stmt(["if {}:"], [self.expr("b", 1)], [[Stmt(r.choice(("break", "continue")))]])
        if c < 0.46:
            return Stmt(["if {}:"], [Expr("b", "t %% %d == %d" % (k := r.choice((20, 37, 64)), r.randrange(k)))],
                        [[Stmt(r.choice(("raise ValueError({})", "raise KeyError({})")), [self.leaf("i")])]]) if r.random() < 0.2 and depth else self.assign(r.choice(targets))
        if c < 0.51:
            return Stmt(["if {}:"], [Expr("b", "t %% %d == %d" % (k := r.choice((11, 30, 47)), r.randrange(k)))], [[Stmt("peek('p%d')" % r.randrange(100))]])
        if c < 0.55:
            a, b = r.choice(targets), r.choice(targets)
            if a[0] == b[0]:
                return Stmt("%s, %s = %s, %s" % (a, b, b, a))
            return Stmt("a0, a1 = {}, {}", [self.expr("a", 2), self.expr("a", 2)]) if "a1" in self.variables else self.assign(a)
        if c < 0.60:
            return Stmt(r.choice(("d0[{} % len(d0)] = {}", "d0[-1 - {} % len(d0)] = {}", "d0[{} % len(d0)] += {}")), [self.expr("i", 1), self.nested_int(2)])
        if c < 0.64:
            return Stmt(r.choice(("d1[{} % len(d1)] = {}", "d1[{} % len(d1)] *= {}")), [self.expr("i", 1), self.expr("f", 2)])
        if c < 0.67:
            return r.choice((Stmt(["if len(d0) < 30:"], [], [[Stmt("d0.append({})", [self.nested_int(2)])]]), Stmt(["if len(d0) > 3:"], [], [[Stmt("d0.pop()")]])))
        if c < 0.70:
            return r.choice((Stmt("m = Mortal({})", [self.leaf("i")]), Stmt("Mortal({})", [self.leaf("i")]), Stmt("m = None"), Stmt("d2[{} % 3] = Mortal({})", [self.leaf("i"), self.leaf("i")])))
        if c < 0.74:
            return r.choice((Stmt("box.n = {}", [self.nested_int(2)]), Stmt("box.x = {}", [self.expr("f", 2)]), Stmt("box.n += {}", [self.leaf("i")]),
                             Stmt(["if {}:"], [Expr("b", "t %% 41 == %d" % r.randrange(41))], [[Stmt("Box.k = {}", [self.literal("i")])]])))
        if c < 0.77:
            return r.choice((Stmt("gi = {}", [Expr("i", "({} & 0xFFFF)", self.expr("i", 1))]), Stmt("gx = {}", [self.leaf("f")])))
        if c < 0.79:
            return Stmt("s = (s + {})[-20:]", [Expr("s", r.choice(("'x'", "str(t)", "chr(97 + t % 26)")))])
        if c < 0.81 and "a0" in self.variables:
            return Stmt(["if {}:"], [Expr("b", "t %% 23 == %d" % r.randrange(23))], [[self.assign("a0"), Stmt("note(show(a0))")]])
        return self.assign(r.choice(targets))

    def block(self, depth):
        return [self.statement(depth) for _ in range(self.r.choice((1, 1, 2, 2, 3)))]

    def clamps(self):
        """Keeps each variable within a bound of its own: numbers cross the word sizes, but do not grow without end."""
        r = self.r
        out = []
        for v in self.variables:
            if v[0] == "i":
                bound = r.choice((1 << 31, 1 << 62, 1 << 63, 1 << 64, 1 << 100))
                out.append(Stmt(["if not -%d <= %s < %d:" % (bound, v, bound)], [], [[Stmt("%s = %s %% %d" % (v, v, r.choice((1000003, (1 << 30) + 3, bound - 1))))]]))
            elif v[0] == "x":
                out.append(Stmt(["if not -1e12 < %s < 1e12:" % v], [], [[Stmt("%s = %s" % (v, r.choice(("1.0", "0.125", "-3.5"))))]]))
            elif v[0] == "a":
                out.append(Stmt(["if not -1e9 < %s < 1e9:" % v], [], [[Stmt("%s = %s" % (v, r.choice(("1", "2.5", "True"))))]]))
        out.append(Stmt(["if not -(1 << 200) < max(d0) < 1 << 200 or not -(1 << 200) < min(d0):"], [], [[Stmt("d0[:] = [e % 1009 for e in d0]")]]))
        out.append(Stmt(["if not -(1 << 200) < box.n < 1 << 200:"], [], [[Stmt("box.n = 3")]]))
        return out

    def start(self):
        """First values of the variables that only some statements use."""
        return [Stmt(line) for topic in self.topics for line in topic.start]

    def function(self, index):
        """A function, a method of Box, or a generator function."""
        r = self.r
        kinds = [r.choice("iiff") for _ in range(r.choice((1, 2, 2, 3)))]
        result = r.choice("if")
        name = "h%d" % index
        is_method = CLASSES in self.topics and r.random() < 0.4
        is_generator = GENERATORS in self.topics and r.random() < 0.4
        names = [("i" if k == "i" else "x") + str(10 + n) for n, k in enumerate(kinds)]
        self.variables = names + [("i" if result == "i" else "x") + "19"]
        self.in_function = True
        body = [Stmt("global gi, gx"), Stmt("t = %s" % next((n for n in names if n[0] == "i"), "3")), Stmt("d0, d1, d2, s, m = [1, 2, 3], [0.5, 1.5], [0] * 3, '', None"),
                Stmt("box = " + ("self" if is_method else "the_box")), Stmt("%s = %s" % (self.variables[-1], "0" if result == "i" else "0.0")), *self.start()]
        self.budget = r.choice((2, 3, 5))
        while self.budget > 0:
            body.append(self.statement(1 if r.random() < 0.5 else 0))
        value = self.expr(result, 2)
        shortened = "({}) %% %d" % r.choice((10007, (1 << 61) + 1)) if result == "i" else "{}"
        if is_generator:
            self.in_loop += 1
            body.append(Stmt(["for j9 in range(%d):" % r.choice((2, 3, 9))], [], [[self.statement(1), Stmt("yield " + shortened, [value])]]))
            self.in_loop -= 1
        else:
            body.append(Stmt("return " + shortened, [value]))
        self.functions.append(("box." * is_method + name, kinds, result, "sum(%s)" if is_generator else "%s"))
        return name, ["self"] * is_method + names, body

    def program(self):
        r = self.r
        self.functions = []
        self.variables = []
        functions = [self.function(k) for k in range(r.choice((0, 1, 2, 3)))]
        self.in_function = False
        is_flat = r.random() < 0.2
        self.variables = ["i%d" % k for k in range(r.choice((1, 2, 4)))] + ["x%d" % k for k in range(r.choice((1, 2, 3)))] + ["a0", "a1"][:r.choice((0, 1, 2))]
        start = [Stmt("global gi, gx")] * (not is_flat)
        for v in self.variables:
            kind = {"i": "i", "x": "f", "a": "a"}[v[0]]
            start.append(Stmt(v + " = {}", [self.literal(kind)]))
        start.append(Stmt("d0, d1, d2, s, m, t, box = [3, 1, 4, 1, 5], [0.5, 2.5, -1.0], [0] * 3, '', None, 0, the_box"))
        start += self.start()
        self.has_closure = CALLS in self.topics and r.random() < 0.5
        if self.has_closure:
            scope = "global" if is_flat else "nonlocal"
            start.append(Stmt("def bump(y, z=i0):\n    %s i0\n    i0 = i0 + y & 0xFFFF\n    return i0 ^ z & 255" % scope))
        self.in_loop = 1
        self.budget = r.choice((6, 10, 16, 24))
        body = []
        while self.budget > 0:
            body.append(self.statement(3))
        if r.random() < 0.35 or UNBOUND in self.topics or self.topics and r.random() < 0.8:
            handler = [Stmt("note(t, type(e).__name__, told(e, e.__traceback__.tb_lineno))")]
            handler += [Stmt("i8, x8 = 1, 0.5")] * (UNBOUND in self.topics)
            body = [Stmt(["try:", "except Exception as e:"], [], [body, handler])]
        body += self.clamps()
        start.append(Stmt([r.choice(("for t in range(n):", "for t in range(n):", "while t < n:\n    t += 1"))], [], [body]))
        start.append(Stmt("%s([show(v) for v in (%s, d0, d1, s, t)])" % ("print" if is_flat else "return ", ", ".join(self.variables))))
        return Program(self.topics, functions, start, r.choice((60, 150, 300)), is_flat)


class Program:
    """Functions as (name, argument names, body), the statements of main, and the number of turns of its loop."""

    def __init__(self, topics, functions, main, turns, is_flat):
        self.topics, self.functions, self.main, self.turns, self.is_flat = topics, functions, main, turns, is_flat

    def text(self):
        lines = [PROLOGUE, "the_box = Box(2)", *[topic.prologue for topic in self.topics]]
        for name, arguments, body in self.functions + [("main", ["n"], self.main)] * (not self.is_flat):
            lines += ["", "", "def %s(%s):" % (name, ", ".join(arguments))]
            for s in body:
                lines += s.lines(1)
            if arguments[0] == "self":
                lines += ["", "", "Box.%s = %s" % (name, name)]
        if self.is_flat:
            body = "\n".join(line for s in self.main for line in s.lines(2))
            ending = FLAT.replace("{body}", body).replace("{turns}", str(self.turns))
        else:
            ending = CALLED.replace("{turns}", str(self.turns))
        return "\n".join(lines) + ending + EPILOGUE

    # -- making it smaller

    def blocks(self):
        todo = [self.main] + [body for _, _, body in self.functions]
        while todo:
            block = todo.pop(0)
            yield block
            for s in list(block):
                todo += s.blocks

    def minimise(self, differs, seconds=120):
        """Shrinks in place; `differs()` says whether the program still shows the difference."""
        deadline = time.monotonic() + seconds
        changed = True
        while changed and time.monotonic() < deadline:
            changed = False
            for turns in (20, 30, 60, 150):
                if turns < self.turns:
                    old, self.turns = self.turns, turns
                    if differs():
                        changed = True
                        break
                    self.turns = old
            for block in list(self.blocks()):
                size = max(1, len(block) // 2)
                while size:
                    at = 0
                    while at < len(block) and time.monotonic() < deadline:
                        saved = block[at:at + size]
                        del block[at:at + size]
                        if differs():
                            changed = True
                        else:
                            block[at:at] = saved
                            at += size
                    size //= 2
                for at in range(len(block) - 1, -1, -1):
                    s = block[at]
                    if s.blocks and time.monotonic() < deadline:
                        inner = [q for b in s.blocks for q in b]
                        block[at:at + 1] = inner
                        if differs():
                            changed = True
                        else:
                            block[at:at + len(inner)] = [s]
                for s in list(block):
                    changed |= self.shrink_expressions(s.args, differs, deadline)

    def shrink_expressions(self, args, differs, deadline):
        changed = False
        for k, e in enumerate(args):
            if not e.args or time.monotonic() > deadline:
                continue
            literal = {"i": "3", "f": "1.5", "b": "True", "a": "2"}.get(e.kind, "1")
            for smaller in [Expr(e.kind, literal)] + [a for a in e.args if a.kind == e.kind]:
                args[k] = smaller
                if differs():
                    changed = True
                    break
                args[k] = e
            changed |= self.shrink_expressions(args[k].args, differs, deadline)
        return changed


def run(command, path, timeout):
    """(status, stdout, stderr) of one run, without addresses; a run that takes too long has the status "timeout"."""
    env = dict(os.environ, PYTHONHASHSEED="0")
    try:
        p = subprocess.run(command + [path], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, env=env)
    except subprocess.TimeoutExpired:
        return "timeout", b"", b""
    return p.returncode, *[re.sub(b"0x[0-9a-f]+", b"0x", text) for text in (p.stdout, p.stderr)]


def run_coluber(options, mode, path):
    """The same of a run in a mode; what the statistics say of rebuilt frames stands behind stderr."""
    statistics = path + ".json"
    command = [options.coluber, *MODES[mode]] + (["-X", "jit-stats=" + statistics] if mode == "guards" else [])
    status, out, err = run(command, path, options.timeout * SLOWNESS.get(mode, 1))
    if mode == "guards" and os.path.exists(statistics):
        with open(statistics) as f:
            err += "".join(difference + "\n" for difference in json.load(f)["forced_guards"]["differences"]).encode()
        os.remove(statistics)
    return status, out, err


def check(seed, options):
    """Runs the program of one seed everywhere. None where all agree, "skipped" or a report of the first difference."""
    program = Generator(seed).program()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "program.py")

        def write():
            with open(path, "w") as f:
                f.write(program.text())

        write()
        expected = run([options.base], path, 10)
        if expected[0] != 0:
            return "skipped"
        for mode in options.modes:
            got = run_coluber(options, mode, path)
            if got == expected:
                continue

            def differs():
                write()
                e = run([options.base], path, 10)
                return e[0] == 0 and run_coluber(options, mode, path) != e

            if not options.no_minimise:
                program.minimise(differs, options.minimise_seconds)
                if not differs():
                    write()
                expected = run([options.base], path, 10)
                got = run_coluber(options, mode, path)
            text = program.text()
            if options.keep:
                os.makedirs(options.keep, exist_ok=True)
                with open(os.path.join(options.keep, "seed_%d_%s.py" % (seed, mode)), "w") as f:
                    f.write(text)
            return report(seed, mode, text, expected, got)
    return None


def report(seed, mode, text, expected, got):
    out = ["=" * 20 + " seed %d differs in mode %s (%s)" % (seed, mode, " ".join(MODES[mode])), text]
    for name, a, b in (("status", expected[0], got[0]), ("stdout", expected[1], got[1]), ("stderr", expected[2], got[2])):
        if a == b:
            continue
        if isinstance(a, bytes) and isinstance(b, bytes):
            a, b = a.decode(errors="replace").splitlines(), b.decode(errors="replace").splitlines()
            first = next((k for k, (p, q) in enumerate(zip(a, b)) if p != q), min(len(a), len(b)))
            a, b = "\n".join(a[first:first + 5]), "\n".join(b[first:first + 5])
            out.append("%s, from line %d:\n  base:    %s\n  coluber: %s" % (name, first + 1, a, b))
        else:
            out.append("%s: base %s, coluber %s" % (name, a, b))
    return "\n".join(out)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--base", default="python3.11", help="the reference Python")
    p.add_argument("--coluber", help="the executable under test")
    p.add_argument("--count", type=int, default=100)
    p.add_argument("--seed", type=int, default=1, help="the first seed; the programs are those of seed, seed + 1, ...")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--modes", default="on,stress", help="of: " + ", ".join(MODES))
    p.add_argument("--timeout", type=float, default=60, help="seconds for one run of coluber; ten times that in mode guards")
    p.add_argument("--minimise-seconds", type=float, default=120)
    p.add_argument("--no-minimise", action="store_true")
    p.add_argument("--keep", help="a folder for the programs that differ")
    p.add_argument("--show", action="store_true", help="print the programs and run nothing")
    p.add_argument("--stop-after", type=int, default=5, help="stop after so many differences")
    options = p.parse_args()
    options.modes = options.modes.split(",")
    unknown = [m for m in options.modes if m not in MODES]
    if unknown:
        p.error("unknown mode %s; there are %s" % (unknown[0], ", ".join(MODES)))
    seeds = range(options.seed, options.seed + options.count)
    if options.show:
        for seed in seeds:
            print("# seed", seed)
            print(Generator(seed).program().text())
        return 0
    if not options.coluber:
        p.error("--coluber is missing")
    differing = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        waiting = {pool.submit(check, seed, options): seed for seed in seeds}
        for future in concurrent.futures.as_completed(waiting):
            result = future.result()
            if result == "skipped":
                skipped += 1
            elif result:
                differing += 1
                print(result, flush=True)
                if differing >= options.stop_after:
                    for f in waiting:
                        f.cancel()
                    break
    place = (options.count, seeds[0], seeds[-1], ",".join(options.modes))
    print("%d programs, seeds %d to %d, in modes %s:" % place, "%d differ, %d skipped" % (differing, skipped))
    print("%d passed, %d failed" % (options.count - differing - skipped, differing))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
