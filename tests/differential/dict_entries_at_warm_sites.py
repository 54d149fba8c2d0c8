"""Subscripts of dicts at warm sites: a key that moves, goes, comes back or is only equal; tables of every kind; what a store's old value does
when it dies; what the garbage collector watches; who holds what."""

import ctypes
import gc
import sys


def get(d):
    return d["a"]


def get_by(d, k):
    return d[k]


def put(d, v):
    d["a"] = v


def put_by(d, k, v):
    d[k] = v


def bump(d):
    d["a"] += 1


def last(i):
    # the dict dies on the stack, and its value with it unless it is held
    return {"x": i, "a": [i]}["a"]


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except Exception as e:
        tb, lines = e.__traceback__, []
        while tb:
            lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno, tb.tb_lasti))
            tb = tb.tb_next
        return type(e).__name__, e.args, lines


class Text(str):
    pass


class Missing(dict):
    def __missing__(self, key):
        return "missing " + key


class Equal:
    calls = 0

    def __hash__(self):
        return hash("a")

    def __eq__(self, other):
        Equal.calls += 1
        return other == "a"


class Plain:
    pass


plain = {"a": 1, "b": 2}
moved = {"b": 1, "c": 2, "a": 3}
general = {1: 1, "a": 4}
instance = Plain()
instance.a = 5
text = {Text("a"): 6}
many = {str(i): i for i in range(1000)}
many["a"] = 7
dicts = [plain, moved, general, instance.__dict__, text, many, Missing(a=8), Missing(b=9), {}, {"b": 1}]
for _ in range(200):
    for d in dicts:
        attempt(get, d)
        attempt(get_by, d, "a")
print([attempt(get, d) for d in dicts])
equal = "".join(["", "a"])
print([attempt(get_by, d, k) for d in dicts[:6] for k in ("a", equal, Text("a"), Equal(), 1, "zz")], Equal.calls > 0)

for turn in range(300):
    d = {"b": 0, "a": turn}
    assert get(d) == turn
    del d["a"]
    assert attempt(get, d)[0] == "KeyError"
    d["c"] = 1
    d["a"] = -turn
    assert get(d) == -turn and list(d) == ["b", "c", "a"]
    put(d, turn)
    put(d, d["a"])
    bump(d)
    put_by(d, equal, d["a"] + 1)
    put_by(d, "new%d" % (turn % 3), turn)
    assert get(d) == turn + 2
    for i in range(turn % 40):
        d[i if turn % 2 else str(i)] = i
        put(d, i)
        assert get_by(d, "a") == i
print(list(d.items()))
print([last(i) for i in range(300)][-1])

# what dies in a store
log = []


class Dies:
    def __init__(self, d, what):
        self.d, self.what = d, what

    def __del__(self):
        log.append(self.what)
        if self.what == "clear":
            self.d.clear()
        elif self.what == "delete":
            del self.d["a"]
        elif self.what == "grow":
            for i in range(50):
                self.d["g%d" % i] = i
        elif self.what == "raise":
            raise ValueError("ignored")


sys.unraisablehook = lambda args: log.append(repr(args.exc_value))
for turn in range(60):
    for what in ("nothing", "clear", "delete", "grow", "raise"):
        d = {"z": 1}
        put(d, Dies(d, what))
        put(d, turn)
        log.append(len(d))
        put(d, Dies(d, what))
        put(d, Dies({"a": 1}, what))
        attempt(bump, d)
        d.clear()
print(len(log), log[-25:])


def local_dict(what):
    d = {"a": 0}
    d["a"] = Dies(d, what)
    d["a"] = 1
    return sorted(d.items())[:3]


for _ in range(100):
    results = [local_dict(what) for what in ("nothing", "clear", "delete", "grow")]
print(results)

# what the garbage collector watches
watched = []
for turn in range(200):
    d = {"a": 1}
    put(d, 2)
    first = gc.is_tracked(d)
    put(d, (1, 2))
    second = gc.is_tracked(d)
    put(d, [])
    watched.append((first, second, gc.is_tracked(d)))
print(set(watched))
gc.collect()
gc.disable()
for turn in range(200):
    d = {"a": None}
    put(d, d)  # a cycle that only the collector can end
del d
print(gc.collect())
gc.enable()

# references
value, key = object(), "".join(["a"])
d = {"a": value}
before = sys.getrefcount(value), sys.getrefcount(key), sys.getrefcount(d)
for _ in range(500):
    get(d), get_by(d, key), put(d, value), put_by(d, key, value)
print([a - b for a, b in zip((sys.getrefcount(value), sys.getrefcount(key), sys.getrefcount(d)), before)])

# globals are a dict, too
counter = 0
names = globals()


def see():
    return counter


seen = []
for turn in range(300):
    names["counter"] = turn
    seen.append(see())
print(seen == list(range(300)), counter)


def numbers():
    d = {"a": 1, "total": 0}
    for i in range(5000):
        d["a"] = i * 3
        d["total"] += d["a"] - i
    return d


print(numbers())

# a value of each size and kind, made of what died before
d = {"a": 0}
kept = []
for i in range(2000):
    d["a"] = i << (i % 70)
    kept.append(d["a"])
    d["a"] = i / 3
print(sum(kept) % 1000003, d)


# a look-up whose code takes dict and key from the locals that they came from
class Takes:
    def __init__(self, text):
        self.text = text

    def __hash__(self):
        return hash(self.text)

    def __eq__(self, other):
        frame = sys._getframe(1)
        frame.f_locals.update(d=None, k=None)
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), 0)
        return self.text == other.text


def taken(turn):
    d = {Takes("a"): [turn]}
    k = Takes("a")
    value = d[k]
    return value, d, k


for turn in range(300):
    results = taken(turn)
print(results)
