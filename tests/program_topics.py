"""What random programs are about besides numbers, lists and frames: a table of topics.

Who calls it: random_programs.py.

A topic has a prologue (its classes and functions), lines that give its variables their first values in every function, and templates. In a
template `{i}`, `{f}`, `{b}`, `{a}` and `{s}` stand for an expression: an int, a float, a condition, any number, a string; `{n}` is an int that
does not grow in nested loops, `{k}` a small literal, `{v}` one of the variables, `{j}` a new loop variable. A template of a statement that
ends in `:` has a block; of several lines each has one. What stands in `seldom` runs in one turn of many.

Templates are read by str.format with texts, so braces of Python's own are doubled. Programs print what a user may see, and nothing that CPython
itself shows differently in cold and in warm code (see differential/README.md).
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Topic:
    prologue: str = ""
    start: tuple = ()  # in every function
    ints: tuple = ()
    floats: tuple = ()
    bools: tuple = ()
    statements: tuple = ()
    seldom: tuple = ()


# Strings, for `{s}`.
TEXTS = ("s", "s1", "'x'", "s[-3:]", "str({i})", "chr(97 + ({i} & 15))", "s[{i} % 7:]", "f'{{{v}}}'", "'%d' % {i}", "s.upper()", "(s + s1)", "s1 * ({i} & 3)")

CLASSES = Topic(
    prologue='''
class Base:
    rank = 1

    def __init__(self, v):
        self.v = v

    def area(self):
        return self.v + 1

    def scaled(self, by=2):
        return self.v * by % 1000003

    @property
    def twice(self):
        return self.v * 2

    @staticmethod
    def fixed(a):
        return a ^ 5

    @classmethod
    def ranked(cls, a):
        return cls.rank + a

    def __len__(self):
        return self.v & 3


class Derived(Base):
    rank = 2

    def __init__(self, v):
        super().__init__(v)
        self.w = 7

    def area(self):
        return super().area() + 10

    def __getattr__(self, name):
        note("no attribute", name)
        return 4


class Point:
    __slots__ = ("v", "w")
    rank = 3

    def __init__(self, v=1, w=2.5):
        self.v, self.w = v, w

    def area(self):
        return self.v - 1

    def scaled(self, by=3):
        return self.v // (by or 1)

    @property
    def twice(self):
        return self.v << 1

    @twice.setter
    def twice(self, v):
        self.v = v >> 1

    fixed, ranked = Base.fixed, Base.ranked

    def __len__(self):
        return 3

    def __eq__(self, other):
        return self.v == other if isinstance(other, int) else NotImplemented

    def __lt__(self, other):
        return self.v < other

    def __hash__(self):
        return 11

    def __add__(self, other):
        return (self.v & 0xFFFF) + other

    __radd__ = __add__

    def __iadd__(self, other):
        self.v = self.v + other & 0xFFFFFF
        return self

    def __getitem__(self, k):
        if k > 2:
            raise IndexError(k)
        return k * 5

    def __setitem__(self, k, v):
        self.v = k ^ v & 0xFFFF

    def __contains__(self, k):
        return k & 1 == 0

    def __call__(self, a, *, b=1):
        return a ^ b

    def __bool__(self):
        return self.v & 1 == 1


class Middle(Base):
    def scaled(self, by=5):
        return by + 1


def noted_get(self, name):
    note("get", name)
    return object.__getattribute__(self, name)


the_shapes = [Base(3), Derived(4), Point(5), Base(6)]
the_point = Point(9)
''',
    start=("shapes, point = the_shapes, the_point",),
    ints=(
        "shapes[{i} % 4].area()", "shapes[{i} % 4].scaled({n})", "shapes[{i} & 3].scaled(by={n})", "shapes[{i} % 4].twice",
        "Base.fixed({i})", "shapes[{i} % 4].fixed({i})", "shapes[{i} % 2].ranked({i})", "shapes[{i} % 4].rank", "len(shapes[{i} % 4])",
        "point.v", "(point + {i})", "({i} + point)", "point[{i} % 3]", "point({i})", "point({i}, b={i})", "Derived({i}).area()", "Point({i}).v",
        "shapes[1].missing", "getattr(shapes[{i} % 4], 'v')", "getattr(shapes[{i} % 4], 'w', 8)", "sum(point)", "sum([z.v for z in shapes])",
        "Base.area(shapes[{i} % 2])", "shapes[{i} % 4].v", "(shapes[1].w or 3)", "max(shapes, key=len).v",
    ),
    floats=("(point.v * 0.5)", "float(shapes[{i} % 4].area())"),
    bools=(
        "isinstance(shapes[{i} % 4], Base)", "isinstance(shapes[{i} % 4], (Derived, Point))", "hasattr(shapes[{i} % 4], 'w')",
        "(type(shapes[{i} % 4]) is Base)", "(point == {i})", "({i} == point)", "(point < {i})", "({i} in point)", "bool(shapes[{i} % 4])",
        "(not point)", "(shapes[{i} % 4] is shapes[{i} % 4])", "callable(point)", "issubclass(type(shapes[{i} % 4]), Base)",
    ),
    statements=(
        "shapes[{i} % 4].v = {n}", "shapes[{i} % 4] = Base({n})", "shapes[{i} % 4] = Derived({n})", "shapes[{i} % 4] = Point({n})", "point.v = {n}",
        "point.twice = {n}", "point += {n}", "point[{i}] = {n}", "shapes[{i} % 4].v += {i} & 255", "for {j} in point:", "for {j} in shapes:",
        "if point:", "shapes[0], shapes[3] = shapes[3], shapes[0]", "setattr(shapes[{i} % 4], 'v', {n})", "shape = shapes[{i} % 4]",
    ),
    seldom=(
        "z = point[{i} & 3]", "Base.rank = {k}", "Derived.rank = {k}", "Base.area = lambda self: self.v + {k}", "Derived.area = lambda self: {k}", "Base.scaled.__defaults__ = ({k},)",
        "shapes[{i} % 2].__class__ = Derived", "shapes[{i} % 2].__class__ = Base",
        "shapes[{i} % 2].area = lambda: {k}", "shapes[0].__dict__.pop('area', None)", "shapes[0].__dict__ = {{'v': {k}}}", "Point.__add__ = lambda self, other: {k}",
        "Base.twice = {k}", "Base.twice = property(lambda self: {k})", "Derived.__bases__ = (Middle,)", "Base.fixed = staticmethod(lambda a: a + {k})",
        "shapes[0].extra = {k}", "shapes[0].__dict__['v'] = {k}", "Point.__bool__ = lambda self: {b}", "Derived.v = property(lambda self: {k}, lambda self, v: None)",
        "del Derived.v", "del shapes[1].w", "Base.__getattribute__ = noted_get", "del Base.__getattribute__", "Point.rank = property(lambda self: {k})",
    ),
)

GENERATORS = Topic(
    prologue='''
def count(n, step=1):
    k = 0
    while k < n:
        got = yield k * step
        if got is not None:
            note("got", got)
            k += got & 3
        k += 1
    return k


def chain(n):
    total = yield from count(n, 2)
    yield total


def careful(n):
    try:
        for k in range(n):
            yield k
    except ValueError:
        note("caught")
        yield -1
    finally:
        note("closed", n)


class Again:
    def __init__(self, n):
        self.n = n

    def __await__(self):
        for k in range(self.n):
            yield k
        return self.n * 3


async def sleepy(n):
    total = 0
    for k in range(n):
        total += await Again(k)
    return total


async def ticking(n):
    for k in range(n):
        await Again(k & 1)
        yield k


async def listening(n):
    return sum([v async for v in ticking(n)])


def drive(coroutine):
    turns = 0
    try:
        while True:
            coroutine.send(None)
            turns += 1
    except StopIteration as e:
        return e.value + turns
''',
    start=("g = count(3)",),
    ints=(
        "sum(count({i} & 7))", "sum(v * 2 for v in count({i} & 7))", "next(g, {i})", "len([*chain({i} & 3)])", "max(count({i} & 3, {k}), default=2)",
        "sum([v for v in chain({i} & 7)])", "sum(v for v in d0 if v & 1)", "drive(sleepy({i} & 3))", "drive(listening({i} & 7))", "next(iter(d0), 1)",
        "sum(v + w for v in count(3) for w in count(v))", "next(v for v in count(9) if v >= ({i} & 7))", "len({{v & 3: w for v, w in enumerate(chain({i} & 7))}})",
    ),
    bools=("any(v > 2 for v in count({i} & 7))", "all(v < 5 for v in careful({i} & 7))", "({i} in count(5))"),
    statements=(
        "g = count({i} & 15)", "g = careful({i} & 15)", "g = chain({i} & 7)", "for {j} in count({i} & 7):", "for {j} in chain({i} & 3):", "for {j} in careful({i} & 7):",
        "for {j} in g:", "g.close()", "try:\n    note(g.send({i}))\nexcept (StopIteration, TypeError, AttributeError) as e:\n    note(type(e).__name__, e.args)",
        "try:\n    g.throw(ValueError)\nexcept (StopIteration, ValueError) as e:\n    note(type(e).__name__)", "g = (v + {n} for v in d0)", "note(g.gi_frame is None)",
        "_, *rest = count(({i} & 3) + 1)\nnote(rest)", "for {j}, g in enumerate([g, g]):",
    ),
    seldom=("count.__defaults__ = ({k},)", "g = None"),
)

DICTS = Topic(
    start=("q, qs, u = {{1: 5, 2: 7, 3: 11}}, {{'a': 1, 'b': 2}}, {{1, 2, 3}}",),
    ints=(
        "q.get({i} & 7, {n})", "q[1 + {i} % 3]", "len(q)", "len(u)", "q.setdefault({i} & 7, {n})", "qs['a']", "qs.get(s[-1:], {i})", "max(q, default=1)",
        "(sum(q.values()) & 0xFFFFFF)", "min(u, default={k})", "sum([w & 15 for _, w in q.items()])", "len({{v & 7 for v in d0}})", "len({{v & 3: v for v in d0}})",
        "dict(a={n}, b=2)['a']", "(q | {{1: {n}}})[1]", "len(u & {{1, 2}})", "next(iter(q), 3)", "{{1: {n}, 2: 3}}[1 + ({i} & 1)]",
    ),
    bools=("({i} & 7 in q)", "({i} & 7 not in u)", "('b' in qs)", "(q == {{}})", "(u <= {{1, 2, 3, 4}})", "bool(q)", "(s in qs)"),
    statements=(
        "q[{i} & 7] = {n}", "q[{i} & 7] = q.get({i} & 7, 0) + 1", "q.pop({i} & 7, None)", "for {j} in q:", "for {j}, w in q.items():", "for {j} in sorted(u):",
        "qs[s[-1:]] = {n}", "u.add({i} & 15)", "u.discard({i} & 15)", "q = {{z: {n} for z in range({i} & 7)}} | {{1: 2, 2: 3, 3: 4}}", "note(list(q.items())[-3:])", "qs['a'] = {n}",
        "qs['b'] += {i} & 255", "qs = {{**qs, 'c': {n}}}", "if len(qs) > 9:", "u ^= {{{i} & 7, 3}}", "for {j} in qs.values():", "q.update({{{i} & 3: {n}}})",
    ),
    seldom=("del q[{i} & 7]", "i19 = q[{i} & 7]", "q.clear()\nq.update({{1: 1, 2: 2, 3: 3}})", "u = set()", "qs = {{'b': {k}, 'a': 1}}", "note(sorted(u)[-4:], list(qs)[-4:])"),
)

STRINGS = Topic(
    start=("s1 = 'ab'",),
    ints=(
        "len(s)", "ord((s + 'z')[0])", "s.count('x')", "len(f'{{{v}}}:{{{v}!r:>5}}')", "s.find({s})", "len(str({i}))", "len({s})", "int('12' + str({i} & 15))",
        "ord(s1[{i} % len(s1)])", "len(s.split('x'))", "hash(s1 == s)", "len('%d-%s' % ({i}, s))", "int(str({i} & 0xFFFFFF))", "len(repr({f}))",
    ),
    floats=("float(str({f}))", "float('1' + str({i} & 7))"),
    bools=("('x' in s)", "(s < 'm')", "(s == s1)", "s.startswith('x')", "(s1 is s)", "s.isdigit()", "({s} in s)", "(not s)", "({s} == {s})", "({s} < {s})"),
    statements=(
        "s = f'{{s[-9:]}}{{{v}}}'", "s = s[::-1]", "s = s.replace('x', 'yz')[-20:]", "for {j} in s[:5]:", "s += chr(97 + ({i} & 15))", "s = '-'.join([str(z & 31) for z in d0])[-20:]",
        "s1 = s", "s1 = {s}[-12:] or 'q'", "s = (s + {s})[-20:]", "note(s)", "s1 = s[1:3] or 'p'", "s = s * ({i} & 1)", "s = '%s%d' % (s[-6:], {i} & 255)",
        "s += s1[:2]", "s = s[-16:]", "for z, {j} in enumerate(s1[:4]):",
    ),
    seldom=("s = ''", "z = ord(s[-1])", "s1 = 'xyz\\u1234\\U0001F600'", "s = 'é' + s[-4:]", "note(s, s1)"),
)

CALLS = Topic(
    prologue='''
import builtins
import functools


def opt(a, b=2, *, c=3):
    return a + b * 2 + c * 3 & 0xFFFFFF


def opt_other(a, b=5, *, c=7):
    return a ^ b ^ c


def many(*args, k=1, **more):
    return len(args) * 100 + k % 97 + len(more) + (args[-1] % 89 if args else 0)


def positional(a, b, /, c=1):
    return (a - b) % 1009 + c


def factorial(n):
    return 1 if n <= 0 else n * factorial(n - 1) % 1000003


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


def adder(n):
    total = n

    def add(v):
        nonlocal total
        total = total + v & 0xFFFFF
        return total

    return add


def noted_abs(v):
    note("abs", show(v))
    return 3


def noted_len(v):
    return 4


the_adder = adder(5)
twice = functools.partial(opt, 2, c=9)
plain_abs, plain_len, plain_sin = abs, len, math.sin
''',
    start=("add = the_adder", "f = opt"),
    ints=(
        "opt({i})", "opt({i}, {n})", "opt({i}, c={n})", "opt(b={i}, a={n})", "opt({n}, *(1,))", "many({i}, {i}, k={n})", "many(*d0[:3])", "many(**{{'k': {n}}})", "many({i}, *d0[:1], z=1, **{{'y': 2}})",
        "positional({i}, {n})", "positional({i}, {n}, c={k})", "factorial({i} & 15)", "add({i})", "adder({n})({i})", "twice()", "twice({i})", "(lambda v, w={n}: v ^ w)({i})",
        "min(d0, key=lambda v: -v)", "sorted(d0, key=lambda v: v & 7)[0]", "sum(map(opt, d0))", "len(list(filter(is_even, [1, 2, {i} & 7])))", "f({i})", "f({i}, c=1)",
        "divmod({n}, 7)[{i} & 1]", "round({f}) if abs({f}) < 1e9 else 3", "sum([v + w for v, w in zip(d0, [3, 4])])", "sum([v * w for v, w in enumerate(d0)])",
        "pow({n}, {i} & 3)", "reversed(d0).__next__()", "int({b})", "sum([v + {n} for v in d0])", "math.gcd({i}, {n})", "sum({i} & 3 for _ in d0)",
    ),
    floats=("round({f}, 2)", "math.hypot({f}, 1.0)", "sum([0.5, {f}])", "max({f}, 0)", "abs({f})"),
    bools=("is_even({i} & 15)", "is_odd({i} & 7)", "any([{b}, {b}])", "all([{b}, {b}])", "bool({i})", "({i} == {i} == {i})"),
    statements=(
        "f = opt", "f = opt_other", "f = lambda a, b={n}, *, c=1: a - b + c", "add = adder({n})", "note(opt())", "note(many())", "for {j}, w in zip(d0, [1, 2, 3]):",
        "for {j}, w in enumerate(d0[:4]):", "for {j} in reversed(d0[:4]):", "for {j} in range({i} & 7, -2, -2):", "try:\n    positional(1, b=2)\nexcept TypeError as e:\n    note(str(e))",
        "note(sorted([{i}, {n}, 3])[-1] & 255)", "(z, *rest), w = [d0, {n}]\nnote(len(rest), w & 15)", "{v}, z = {a}, {a}",
    ),
    seldom=(
        "opt.__defaults__ = ({k},)", "opt.__kwdefaults__ = {{'c': {k}}}", "opt.__code__, opt_other.__code__ = opt_other.__code__, opt.__code__", "builtins.abs = noted_abs", "builtins.abs = plain_abs",
        "globals()['abs'] = noted_abs", "globals().pop('abs', None)", "builtins.len = noted_len", "builtins.len = plain_len", "math.sin = math.cos", "math.sin = plain_sin",
        "globals()['opt'] = opt_other", "globals()['factorial'] = lambda n: {k}", "opt.__defaults__ = None", "globals()['the_adder'] = adder({k})", "globals()['min'] = lambda *a, key=None: {k}", "globals().pop('min', None)",
        "globals()['note_%d' % t] = t", "globals().pop('range', None)", "globals()['isinstance'] = lambda a, b: {b}", "globals().pop('isinstance', None)",
    ),
)

CONTEXTS = Topic(
    prologue='''
import contextlib


class Guarded:
    def __init__(self, n, swallow=True):
        self.n, self.swallow = n, swallow

    def __enter__(self):
        note("enter", self.n & 255)
        return self.n

    def __exit__(self, kind, value, tb):
        note("exit", self.n & 255, kind and kind.__name__, tb and told(value, tb.tb_lineno))
        return self.swallow


@contextlib.contextmanager
def bracket(n):
    try:
        yield n + 1
    except LookupError:
        note("looked up")
    finally:
        note("bracket", n & 15)


def early(n):
    for k in range(5):
        try:
            if k == n:
                return k
            if k > 3:
                continue
        finally:
            if n == 9:
                break
    else:
        return 77
    return 88


def late(n):
    try:
        return 10 // n
    except ZeroDivisionError as e:
        try:
            raise KeyError(n) from e
        except KeyError as f:
            note(type(f.__cause__).__name__, f.__context__ is f.__cause__, f.__traceback__.tb_lineno)
            return -1
    finally:
        note("late")


def grouped(n):
    try:
        raise ExceptionGroup("g", [ValueError(n), TypeError(n)][: 1 + n % 2])
    except* ValueError as e:
        note("value", len(e.exceptions))
    except* TypeError as e:
        note("type", len(e.exceptions))
    return n
''',
    ints=("early({i} & 15)", "late({i} & 3)", "grouped({i} & 1)"),
    bools=("(sys.exc_info()[0] is None)",),
    statements=(
        "with Guarded({n}) as i9:", "with Guarded({n}, {b}) as i9:", "with Guarded(1), Guarded(2, False):", "with bracket({n}) as i9:", "with contextlib.suppress(ArithmeticError, LookupError):",
        "try:\nfinally:", "try:\nexcept ZeroDivisionError:\nexcept (KeyError, IndexError) as e:\nelse:", "try:\nexcept ValueError as e:\nfinally:",
        "try:\n    raise KeyError({i} & 7)\nexcept KeyError as e:\n    note(e.args, e.__traceback__.tb_lineno)",         "try:\n    {v} = [][{i}]\nexcept LookupError:\n    {v} = 3",
    ),
    seldom=("raise ValueError(t)", "z = [{n}][{i} & 1]", "{v} = ({n} // ({i} & 3))", "z = (3).no_such", "raise KeyError from None", "Guarded.__exit__ = lambda self, *what: note('replaced') or {b}", "assert {b}, 'asserted'", "if {b}:\n    raise IndexError"),
)

LIVES = Topic(
    prologue='''
import weakref

kept = []


class Meddler:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        global gi
        gi = gi + 1 & 0xFF
        the_box.n = self.n & 0xFF
        if self.n & 7 == 1:
            Box.k = 4
        if self.n & 7 == 2 and the_list:
            the_list.pop()
        frame = sys._getframe().f_back
        if frame is not None:
            note("meddled", self.n & 255, frame.f_code.co_name, frame.f_lineno, [(k, show(v)) for k, v in frame.f_locals.items() if frame.f_code.co_name != "<module>"])


class Tied:
    def __init__(self, n):
        self.n, self.me = n, self


the_list = [1, 2, 3]


def gone(ref):
    frame = sys._getframe().f_back
    note("gone", frame and frame.f_code.co_name)


def keep(frame):
    if len(kept) < 6:
        kept.append(frame)


def dropping(v):
    m = Mortal(v)
    return v + 1 & 0xFFFF


def passing(m):
    return sys.getrefcount(m)


def counted(m):
    """Of what is one of ours: how many there are of None is not for a program to know."""
    return sys.getrefcount(m) if is_a(m, (Mortal, Meddler, Tied)) else 0
''',
    start=("w, o = None, [0]",),
    ints=(
        "counted(m)", "sys.getrefcount(box)", "sys.getrefcount(d0)", "len(the_list)", "dropping({i})", "passing(box)", "passing([{n}])", "passing(Mortal({i}))", "Meddler({i}).n", "sys.getrefcount(o)",
        "Tied({n}).n", "len([Meddler({i}), 1])", "(m := Mortal({i})).n", "(Mortal({i}) and {n})", "gc.is_tracked(o)",
    ),
    bools=("(w is not None and w() is None)", "(m is None)", "(o is o[0])", "(m is o[0])"),
    statements=(
        "note('count', counted(m), sys.getrefcount(box), sys.getrefcount(o))", "m = Meddler({i})", "Meddler({i})", "m = d2[{i} % 3]", "o = [Mortal({n})]", "o = [o[0], m]", "o[0] = m", "w = weakref.ref(o_ := Tied(1), gone)\ndel o_",
        "m = Mortal({n})\nw = weakref.ref(m, gone)", "m = o = [Mortal({i})]", "m, o = [m], o", "o = (m, {n})[:1]", "o = [0]", "for m in [Mortal({i}), Mortal(2)]:", "the_list.append({n} & 255)", "for {j} in the_list[:9]:",
        "d2[{i} % 3] = Meddler({i})", "d2 = [Mortal({i}), 0, m]", "o = lambda z=Mortal({n}): z", "x9 = Mortal({f}).n", "del m\nm = 1",
    ),
    seldom=("gc.collect()", "keep(sys._getframe())", "try:\n    1 // 0\nexcept ZeroDivisionError as e:\n    keep(e.__traceback__.tb_frame)", "the_list.extend([1, 2])", "kept.clear()"),
)

UNBOUND = Topic(
    prologue='''
def classify(v):
    match v:
        case 0 | 1:
            return 1
        case bool():
            return 2
        case int(n) if n < 5:
            return n & 7
        case float(x) if x > 0:
            return 4
        case [a, *rest]:
            return len(rest) + 5
        case {"a": k, **more}:
            return k & 7
        case str():
            return len(v)
        case Box(n=w):
            return w & 15
    return 9
''',
    start=("i8, x8 = 1, 0.5",),
    ints=("i8", "classify({a})", "classify(d0)", "classify({{'a': {i}}})", "classify(s)", "classify(box)", "classify({f})", "eval('t + 1')", "locals()['t']", "sys._getframe().f_lineno", "len(locals()) * 0"),
    floats=("x8",),
    bools=("('i8' in locals())", "(i8 is t)"),
    statements=(
        "i8 = {n}", "x8 = {f}", "del i8", "del x8", "i8 = x8 = 3", "try:\n    del i8\nexcept UnboundLocalError as e:\n    note(str(e))", "for i8 in range({i} & 3):", "for x8 in d1[:{i} & 3]:",
        "try:\n    note(i8, x8)\nexcept NameError as e:\n    note(e.args, e.name)", "note(sys._getframe().f_locals.get('i8'))", "i8, x8 = {n}, {f}", "if {b}:\n    i8 = {n}", "if {b}:\n    del i8", "e = {i}",
        "try:\n    raise ValueError\nexcept ValueError as i8:\n    pass", "note('e' in locals(), 'i8' in locals(), 'x8' in locals())",
    ),
    seldom=("i8 = 'text'", "exec('gi = 7', globals())", "del globals()['gx']", "globals()['gx'] = 1.5", "i8 = 1 << 70"),
)

WATCHED = Topic(
    prologue='''
import signal
import threading
import types

watching = 0


def watch(frame, event, arg):
    if frame.f_code.co_name in ("note", "show", "told", "at", "census") or frame.f_code.co_filename != __file__:
        return None  # what threads do meanwhile changes the way through the standard library; the collector's order is its own
    note(event, frame.f_code.co_name, frame.f_lineno, type(arg).__name__)
    return watch


def watch_lines_once(frame, event, arg):
    note("once", event, frame.f_lineno)
    if event == "line":
        sys.settrace(None)
        return None
    return watch_lines_once


def profile(frame, event, arg):
    if frame.f_code.co_filename == __file__ and frame.f_code.co_name != "census":
        note(event, frame.f_code.co_name, frame.f_lineno, getattr(arg, "__name__", None))


def watch_caller(on):
    frame = sys._getframe(1)
    sys.settrace(watch if on else None)
    frame.f_trace = watch if on else None


def on_signal(number, frame):
    global gi
    gi = gi + 2 & 0xFF
    note("signal", frame.f_code.co_name, frame.f_lineno)
    if gi & 15 == 1:
        raise LookupError("from a signal")


signal.signal(signal.SIGUSR1, on_signal)


def in_thread(function, *arguments):
    out = []
    thread = threading.Thread(target=lambda: out.append(function(*arguments)))
    thread.start()
    thread.join()
    return out[0] if out else -1


def deeper(n):
    return 1 if n <= 0 else deeper(n - 1) + 1


def depth_of(limit):
    """How deep a recursion gets. Of a function that adds to what it gets, so that frames stay."""
    def down(n):
        nonlocal reached
        reached = n
        return down(n + 1) + 1

    reached, before = 0, sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        down(0)
    except RecursionError as e:
        note(e.args[0])
    finally:
        sys.setrecursionlimit(before)
    return reached


def small(v):
    total = 0
    for k in range(v & 7):
        total += k
    return total
''',
    ints=("small({i})", "in_thread(small, {i})", "deeper({i} & 15)", "sys._getframe().f_lineno", "len(sys._current_frames())", "sum([small(v) for v in d0[:3]])", "(lambda: sys._getframe(1).f_lineno)()"),
    bools=("(sys.gettrace() is None)", "(sys.getprofile() is None)"),
    statements=(
        "note(small({i}))", "z = sys._getframe()\nnote(z.f_lineno, z is sys._getframe(), z.f_back.f_code.co_name if z.f_back else '')\ndel z", "for {j} in range({i} & 7):", "small(3)\nsmall(4)",
        "note(traceback.extract_stack()[-1].lineno)", "z = types.SimpleNamespace(v={n})\nz.v += 1\nnote(z.v & 255)", "note([f.f_code.co_name for f in sys._current_frames().values()][-1])",
    ),
    seldom=(
        "watch_caller(True)\nsmall({i})\nwatch_caller(False)", "sys.settrace(watch)\nsmall({i})\nsys.settrace(None)", "sys.settrace(watch_lines_once)\nsmall({i})", "sys.setprofile(profile)\nsmall({i})\nlen(d0)\nsys.setprofile(None)",
        "watch_caller(True)", "watch_caller(False)\nsys.settrace(None)", "signal.raise_signal(signal.SIGUSR1)", "signal.raise_signal(signal.SIGUSR1)\nsmall({i})", "note(depth_of(40 + ({i} & 15)))",
        "threading.settrace(watch)\nin_thread(small, {i})\nthreading.settrace(None)", "try:\n    signal.raise_signal(signal.SIGUSR1)\nexcept LookupError as e:\n    note(str(e), e.__traceback__.tb_lineno)",
    ),
)

SUBTYPES = Topic(
    prologue='''
import collections
import dataclasses
import enum
import fractions
import itertools
import operator


class Count(int):
    def __add__(self, other):
        return Count(int(self) + int(other) & 0xFFFF)

    def __lt__(self, other):
        return int(self) & 1 == 1

    def __bool__(self):
        return int(self) & 2 == 2


class Plain(int):
    pass


class Real(float):
    def __mul__(self, other):
        return Real(float(self) + 0.5)


class Items(list):
    def __getitem__(self, k):
        return list.__getitem__(self, k) + 1

    def append(self, v):
        list.append(self, v & 7)

    def __len__(self):
        return list.__len__(self) + 1


class Table(dict):
    def __missing__(self, k):
        note("missing", k)
        return k & 3

    def __contains__(self, k):
        return k == 2


class Word(str):
    def __eq__(self, other):
        return len(other) == len(self)

    __hash__ = str.__hash__


class Steps:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        self.n -= 1
        if self.n < 0:
            raise StopIteration
        return self.n


class Once:
    def __get__(self, object, owner):
        note("got", owner.__name__)
        return 6

    def __set__(self, object, value):
        note("set", show(value))


class Colour(enum.IntEnum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Pair:
    a: int
    b: int = 2
    c = Once()

    def sum(self):
        return self.a + self.b


Named = collections.namedtuple("Named", "x y")
''',
    start=("n1, r1, l1, t1, w1, p1, k1 = Count(3), Real(1.5), Items([1, 2, 3]), Table({{1: 2}}), Word('ab'), Pair(1), Named(1, 2)",),
    ints=(
        "(n1 + {i})", "({i} + n1)", "(Plain({n}) + {i})", "(Plain({n}) * 2)", "int(n1)", "l1[{i} % 3]", "len(l1)", "t1[{i} & 7]", "t1.get({i} & 3, 5)", "sum(l1)", "sum(Steps({i} & 7))", "max(Steps(3), default=1)",
        "p1.a", "p1.sum()", "p1.c", "k1.x", "k1[{i} & 1]", "k1._replace(x={n}).x", "Colour.RED", "(Colour.BLUE + {i})", "len(w1)", "(True + {i})", "(n1 if n1 else {i})", "abs(Plain({i}))", "min(n1, {i})", "hash(Plain({n}))",
        "operator.add({n}, 2)", "sum(itertools.islice(itertools.count({i} & 7), 3))", "len(list(itertools.chain(d0, l1)))", "int(fractions.Fraction({i} & 7, 3) * 3)", "[*Steps(2), {n}][-1]", "(k1 + k1)[{i} & 3]", "-Plain({i})",
        "range({i} & 7)[-1:].start", "len(range(0, {i} & 15, 2))", "({i} & 7 in range(1, 5))", "collections.Counter(d0)[{n}]", "d0.index(d0[0])", "d0.count({i})", "Plain({i}).bit_length()", "int.__add__({n}, 1)",
    ),
    floats=("(r1 * {f})", "({f} + r1)", "float(r1)", "(r1 - 1)", "complex({f}, 1).real", "float(n1)", "operator.mul({f}, 0.5)", "(Plain({n}) / 4)"),
    bools=("(n1 < {i})", "({i} < n1)", "bool(n1)", "({i} & 3 in t1)", "(w1 == 'xy')", "('xy' == w1)", "(n1 == {i})", "(Colour.RED == {i})", "(k1 == (1, 2))", "(p1 == Pair(1))", "isinstance(n1, int)", "(type({i}) is int)", "(r1 == 1.5)", "(k1 < (1, {i}))"),
    statements=(
        "n1 = Count({n})", "n1 += {i}", "n1 = n1 + n1", "r1 = Real({f})", "r1 *= 2", "l1.append({i})", "l1[{i} % 3] = {n}", "l1 = Items(d0)", "l1 += [{n}]", "t1[{i} & 7] = {n}", "t1.pop({i} & 7, None)", "w1 = Word('x' * ({i} & 3))", "w1 += 'y'",
        "p1.a = {n}", "p1.c = {i}", "p1 = Pair({n}, {i} & 7)", "k1 = Named({n}, {i})", "k1 = k1._replace(y={n})", "x9, y9 = k1\nnote(x9 is k1.x)", "for {j} in Steps({i} & 7):", "for {j} in l1[:4]:", "for {j} in Colour:", "for {j}, w in itertools.product((1, 2), (3,)):",
        "for {j} in map(abs, l1[:3]):", "for {j}, w in zip(Steps(3), l1):", "n1 = Plain({n})", "r1 = {f}", "n1 = True", "{v} = n1 + 0", "{v} = Plain({n})", "l1 = list(l1)[:9]", "if n1:", "while n1 < 3:\n    n1 = 1 << 20",
    ),
    seldom=(
        "Count.__add__ = lambda self, other: {k}", "Items.__getitem__ = list.__getitem__", "Plain.__add__ = lambda self, other: {k}", "del Plain.__add__", "Real.__mul__ = float.__mul__", "Pair.b = {k}", "Pair.c = {k}", "Table.__missing__ = lambda self, k: {k}",
        "Plain.__radd__ = lambda self, other: {k}", "Plain.__index__ = lambda self: 1", "Plain.__bool__ = lambda self: {b}", "Word.__len__ = lambda self: {k}",
    ),
)

DEFINITIONS = Topic(
    prologue='''
import functools


def logged(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        return f(*args, **kwargs) + 1

    return wrapper


@logged
def decorated(a, b=2):
    return (a & 0xFFFF) + b


@functools.lru_cache(maxsize=8)
def cached(a):
    note("computed", a)
    return a * 2


@functools.singledispatch
def dispatched(v):
    return 1


@dispatched.register
def _(v: int):
    return v & 7


@dispatched.register
def _(v: float):
    return 9


def nest(a):
    b = a & 15

    def middle(c):
        def inner(d):
            nonlocal b
            b = b + d & 0xFF
            return a + b + c

        return inner

    return middle(2)


def counter():
    n = 0
    while True:
        n += (yield n) or 1


class Meta(type):
    def __call__(cls, *args):
        note("made", cls.__name__)
        return super().__call__(*args)

    @property
    def size(cls):
        return len(cls.__name__)


class Made(metaclass=Meta):
    made = 0

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__()
        note("subclass", cls.__name__, sorted(kwargs))

    def __new__(cls, v=1):
        self = super().__new__(cls)
        self.v = v
        return self

    def step(self):
        return self.v + type(self).made

    run = functools.partialmethod(step)

    def __enter__(self):
        return self.step

    def __exit__(self, *what):
        self.v += 1


class MadeToo(Made):
    def step(self):
        def deeper():
            return super(MadeToo, self).step()

        return super().step() + deeper()


def cleaning(n):
    for k in range(n):
        try:
            yield k
        finally:
            note("cleaned", k)


def early(v):
    try:
        for k in range(5):
            with Made(k) as step:
                if k == v:
                    return step()
    finally:
        if v > 3:
            return -v
    return 0


def yes(v):
    return v & 0xFF


def no(v):
    return v ^ 3


the_nest = nest(3)
the_made = MadeToo(4)
''',
    start=("c1 = counter()",),
    ints=(
        "decorated({i})", "decorated({i}, b={n})", "cached({i} & 3)", "dispatched({a})", "dispatched(s)", "nest({i})({n})", "the_nest({i})", "(next(c1) or 1)", "the_made.step()", "the_made.run()", "Made.size", "Made({n}).v", "MadeToo({i} & 7).step()", "early({i} & 7)",
        "(lambda: {i})()", "(lambda *a, k=3: len(a) + k)({i}, {i})", "sum(cleaning({i} & 3))", "next(cleaning(3))", "[w for w in [{i}] for _ in (1, 2)][-1]", "(z := {i}) + 1", "{{w: v for w, v in enumerate([{i}])}}[0]", "eval('3 + 4')", "functools.reduce(lambda a, b: a + b, d0)",
        "(lambda f: f(f, {i} & 7))(lambda f, n: 1 if n < 2 else n + f(f, n - 1))", "getattr(the_made, 'v')", "type('Q', (), {{'v': {n}}}).v", "(yes if {b} else no)({i})", "[lambda v=w: v for w in (1, {n})][1]()", "len([*cleaning(2), *d0])",
    ),
    bools=("callable(decorated)", "({i} < {i} < {i})", "(not {b} and {b} or {b})", "isinstance(the_made, Made)", "issubclass(MadeToo, Made)", "any(v == 1 for v in cleaning(3))"),
    statements=(
        "def local(v, w={n}):\n    return v + w\nnote(local(1) & 255)", "class Local:\n    v = {n}\n    def get(self):\n        return self.v\nnote(Local().get() & 255)", "import math as m2\nnote(m2.floor(2.5))", "from math import ceil\nnote(ceil(1.5))",
        "the_made.v = {n}", "for {j} in cleaning({i} & 3):", "with Made({n}) as step:", "c1 = counter()", "f2 = lambda v, w={i}: v ^ w\nnote(f2(1) & 255)", "class Sub(Made, key={i}):\n    pass", "del d0[:1]\nd0.append({n})", "d0[1:2] = [{n}, 4][:1]", "d0 = d0[-6:] + [{n}]",
        "z = [[{n}], [2]]\nz[{i} & 1][0] += 1\nnote(z[0][0] & 255)", "a9 = b9 = {n}\nnote(a9 is b9)", "for {j} in range(3):\n    if {b}:\n        break\nelse:\n    note('else')", "while (z := {i} & 3) > 2:\n    note('walrus')\n    break", "assert True, note('never')",
        "[t1 for t1 in range({i} & 3) if t1]", "try:\n    note(next(c1) & 255)\nfinally:\n    note('finally')", "note(f'{{{v}!r:>4}}')",
    ),
    seldom=(
        "Made.made = {k}", "Made.step = lambda self: {k}", "globals()['decorated'] = logged(decorated)", "cached.cache_clear()", "dispatched.register(bool, lambda v: {k})", "MadeToo.step = Made.step", "c1.close()", "Made.__exit__ = lambda self, *what: note('exit')",
        "globals()['the_nest'] = nest({k})", "the_made.__class__ = Made", "the_made.__class__ = MadeToo", "exec('def no(v): return v + {k}', globals())", "globals()['yes'] = lambda v: {k}", "Meta.size = property(lambda cls: {k})",
    ),
)

TOPICS = {
    "classes": CLASSES, "generators": GENERATORS, "dicts": DICTS, "strings": STRINGS, "calls": CALLS, "contexts": CONTEXTS, "lives": LIVES, "unbound": UNBOUND, "watched": WATCHED, "subtypes": SUBTYPES, "definitions": DEFINITIONS,
}  # fmt: skip
