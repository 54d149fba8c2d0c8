"""What warm code does by one call in C, or by a frame of its own where C would make one: results, errors, frames, deaths."""

import sys
import traceback


def outcome(f, *args):
    try:
        return f(*args)
    except BaseException as e:
        last = traceback.extract_tb(e.__traceback__)[-1]
        return type(e).__name__, str(e), last.name, last.lineno - first_line, last.colno, last.end_colno


first_line = sys._getframe().f_lineno


def warm(f, *cases):
    for turn in range(60):
        results = [outcome(f, *case) for case in cases]
    print(f.__name__, results)


# Functions that take a tuple, methods and functions; with too many and too few arguments.
def prefix(s, *rest):
    return s.startswith("a"), s.find("b", 1), s.startswith(*rest), s.endswith(("c", "d"))


warm(prefix, ("abc", "ab"), ("xyz", "y", 1), ("abd", 3), ("ab",), (b"x", b"y"), (None, 1))


def functions(a, b):
    return getattr(a, b, 0), divmod(a, 2), isinstance(a, (int, str)), hasattr(a, b)


warm(functions, (1, "real"), ("x", "nothing"), (2.5, 3))


# Objects that C calls: classes without vectorcall, instances with `__call__`, partial functions.
class Text(str):
    pass


class Number(int):
    def __new__(cls, value, *rest, scale=1):
        return super().__new__(cls, value * scale)


class Callable:
    def __call__(self, a, *, b=0):
        caller = sys._getframe(1)
        return a, b, caller.f_code.co_name, caller.f_lineno - first_line


def make(c, *args):
    return c(*args), c(args[0]) if args else None


def call(c, x):
    return c(x), c(x, b=2)


warm(make, (Text, "x"), (Number, 3), (Number, 3, 4), (Number,), (Text, b"x", "ascii"), (dict, []), (object, 1))
warm(call, (Callable(), 1), (lambda a, b=1: a + b, 1), (int, 1), (None, 1))


# Truth by code.
class Truth:
    def __init__(self, value):
        self.value = value

    def __bool__(self):
        frame = sys._getframe(1)
        if self.value is None:
            raise KeyError(frame.f_lineno - first_line)
        return self.value

    def __repr__(self):
        return "Truth(%r)" % self.value


def truth(a, b):
    return a or b, a and b, not a, not b, 1 if not a else 2


warm(truth, (Truth(True), Truth(False)), (0, Truth(True)), (Truth(None), 1), (1, Truth(None)), ([], {}), ("", None))


# Keywords and displays.
def take(*args, **kwargs):
    return args, kwargs


def spread(a, b, c):
    return take(*a, *b, **c, **{"last": 1}), {*a, *b}, {**c, "x": 2}, [*a, *b], (*a, 0), {"k": a, "l": b}


warm(spread, ([1], (2, 3), {"x": 1}), ([], [], {"last": 2}), (1, [], {}), ([], {}, {1: 2}), ([], "ab", [("x", 1)]), ([[]], [], {}))


def delete(d, k, o, name):
    del d[k]
    del o.attribute
    x = 1
    del x
    return f"{d!r:>10}{k!s}{o!a:{name}}", x


class Attribute:
    def __init__(self):
        self.attribute = 1

    def __repr__(self):
        return "é"


for turn in range(60):
    result = [outcome(delete, *case()) for case in (
        lambda: ({1: 2}, 1, Attribute(), ">9"), lambda: ({}, 1, Attribute(), ""), lambda: ({1: 2}, 1, 3, ""), lambda: ([1, 2], 0, Attribute(), "q"))]
print(result)


def unpack(o):
    a, *b, c = o
    return a, b, c


warm(unpack, ([1, 2, 3],), ("ab",), ([1],), (5,))


# `__getitem__` of a class of Python's.
class Items:
    def __init__(self, items):
        self.items = items

    def __getitem__(self, key):
        if key == "frame":
            frame = sys._getframe(1)
            return frame.f_code.co_name, frame.f_lineno - first_line, frame.f_lasti
        if key == "change":
            Items.__getitem__ = lambda self, key: ("changed", key)
        return self.items[key]

    def __del__(self):
        deaths.append(sys._getframe(1).f_code.co_name if turn < 100 else 0)


class Counted(dict):
    def __missing__(self, key):
        return "missing", key


class Default(Items):
    def __getitem__(self, key, default=5):
        return key, default


deaths = []


def item(o, key):
    return o[key]


def temporary(key):
    return Items([1, 2])[key]


warm(item, (Items([1, 2]), 1), (Items([1, 2]), 5), (Items({}), "frame"), (Counted(a=1), "b"), (Counted(a=1), []), (Default([]), 1), ("ab", 1))
warm(item, (Items([1, 2]), 1), (Items({"frame": 1}), "frame"))
warm(temporary, (0,), (9,), ("frame",))
print(len(deaths), sorted(set(deaths)))
print(item(Items({"change": 1}), "change"), item(Items([]), 3))
del Items.__getitem__
print(outcome(item, Items([]), 3))
turn = 100


def deep(o, n):
    return o[n] if n else 0


class Deep:
    def __getitem__(self, n):
        return deep(self, n - 1) + 1


print(deep(Deep(), 200), outcome(deep, Deep(), 5000)[:2])


# Handlers, their exceptions, and `with`.
class Manager:
    def __init__(self, swallow):
        self.swallow = swallow

    def __enter__(self):
        return sys._getframe(1).f_lineno - first_line

    def __exit__(self, kind, value, trace):
        return self.swallow


def handle(f, swallow):
    try:
        with Manager(swallow) as line:
            f()
    except (KeyError, ValueError) as e:
        return "handled", type(e).__name__, sys.exc_info()[1] is e, line
    except TypeError:
        raise RuntimeError("again") from None
    finally:
        log.append(sys.exc_info()[0])
    return "no error", sys.exc_info()[0]


log = []


def fail(e):
    raise e


warm(handle, (lambda: fail(KeyError(1)), False), (lambda: fail(KeyError(1)), True), (lambda: fail(TypeError), False), (lambda: fail(OSError(5, "x")), False), (lambda: 1, True))
print(len(log), log[-5:])


def wrong(f):
    try:
        f()
    except 5:
        pass


warm(wrong, (lambda: fail(KeyError),), (lambda: 1,))
