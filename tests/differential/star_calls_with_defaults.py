"""f(*args) of functions whose other parameters have defaults, positional and keyword-only, while these and the arguments change."""

import sys


def plain(a, b=2, c=3):
    return a, b, c


def named(a, b=2, *, k=5, m=None):
    return a, b, k, m


def only_named(*, k=5):
    return k


def required(a, *, k):
    return a, k


def closed(a, b=[]):
    b = [*b, a] if type(b) is list else [b]

    def inner():
        return a, len(b)

    return inner()


def generator(a, b=2, *, k=3):
    yield a
    yield from (b, k)


async def coroutine(a, *, k=4):
    return a, k


def positional_only(a, b=7, /, c=8):
    return a, b, c


def deep(n, step=1, *, least=0):
    return n if n <= least else deep(*(n - step,))


class Class:
    def __init__(self, a, b=1, *, k=2):
        self.values = a, b, k

    def method(self, a, b=3, *, k=4):
        return self.values, a, b, k

    @classmethod
    def of_class(cls, a, *, k=6):
        return cls(*(a, k)).values


class Key(str):
    """Not an exact str."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return str.__eq__(self, other)


def told(f, *args):
    try:
        result = f(*args)
        if hasattr(result, "send"):
            try:
                result = list(result) if hasattr(result, "__next__") else result.send(None)
            except StopIteration as e:
                result = e.value
        return result.values if isinstance(result, Class) else result
    except (TypeError, ValueError) as e:
        return str(e)


def turn(i):
    args = tuple(range(i % 5))
    functions = plain, named, only_named, required, closed, generator, coroutine, positional_only, Class, Class.of_class, Class(1).method, max
    return [told(f, *args) for f in functions] + [told(plain, *[i, *args[:2]]), told(named, *iter(args[:2]))]


def counted(i):
    o = object()
    args = (o,)
    before = sys.getrefcount(o)
    for _ in range(3):
        named(*args)
        plain(*args, *args)
        required(*args, k=o)
    return sys.getrefcount(o) - before, sys.getrefcount(args)


for i in range(60):
    turn(i)
closed.__defaults__ = ([],)
for i in range(10):
    print(turn(i))
print([counted(i) for i in range(50)][-3:], deep(300), deep(40, 2))

changes = [
    ("named.__kwdefaults__ = {'k': 'changed', 'm': 1}", lambda: setattr(named, "__kwdefaults__", {"k": "changed", "m": 1})),
    ("del k", lambda: named.__kwdefaults__.__delitem__("k")),
    ("k as a key that is no exact str", lambda: named.__kwdefaults__.__setitem__(Key("k"), "by equality")),
    ("an int among the keys", lambda: named.__kwdefaults__.__setitem__(1, 2)),
    ("none", lambda: setattr(named, "__kwdefaults__", None)),
    ("again", lambda: setattr(named, "__kwdefaults__", {"k": 1, "m": 2})),
    ("no defaults", lambda: setattr(plain, "__defaults__", None)),
    ("one default", lambda: setattr(plain, "__defaults__", ("last",))),
    ("too many", lambda: setattr(plain, "__defaults__", (1, 2, 3, 4, 5))),
    ("code with other parameters", lambda: setattr(plain, "__code__", (lambda a, *, k=1: (a, k)).__code__)),
    ("and its defaults", lambda: setattr(plain, "__kwdefaults__", {"k": [9]})),
]
for text, change in changes:
    change()
    for i in range(40):
        results = [told(f, *range(n)) for f in (named, plain) for n in range(4)]
    print(text, results)
