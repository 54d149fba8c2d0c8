"""Calls of C functions of every calling convention at hot sites, also at sites whose callable changes."""

import collections
import math
import operator
import sys


class Sized:
    def __repr__(self):
        return "Sized"

    def __init__(self, n):
        self.n = n

    def __len__(self):
        if self.n < 0:
            raise IndexError(self.n)
        return self.n


class Sub(list):
    def append(self, x):
        super().append((x,))


class Meta(type):
    def __instancecheck__(cls, o):
        return o == 3


class Checked(metaclass=Meta):
    pass


log = []


class Noisy:
    def __init__(self, name):
        self.name = name

    def __len__(self):
        return 3

    def __str__(self):
        return self.name

    def __del__(self):
        log.append((self.name, sys._getframe(1).f_code.co_name))


def lengths(turns):
    total = 0
    for i in range(turns):
        for o in [1], (1, 2), "abc", {"a": 1}, {1, 2}, b"xyz", range(9), Sized(4), Sub([1]), "ä" * 300:
            total += len(o)
        total += len([i, i]) + len("x" * (i % 400)) + len(Noisy("len"))
        try:
            len(Sized(-1))
        except IndexError as e:
            total += e.args[0]
        try:
            len(i)
        except TypeError as e:
            total += len(str(e))
    return total


def instances(turns):
    total = 0
    for i in range(turns):
        for o, c in (1, int), (True, int), ("", str), (1, (str, int)), (3, Checked), (Checked(), Checked), (Sub(), list), (1, str):
            total = total * 3 % 1000007 + isinstance(o, c)
        total += isinstance(Noisy("instance"), Noisy)
        try:
            isinstance(1, 1)
        except TypeError as e:
            total += len(str(e))
    return total


def appends(turns):
    plain, sub = [], Sub()
    queue = collections.deque()
    for i in range(turns):
        for target in plain, sub, queue:
            target.append(i)
        plain.append(plain) if i == 3 else plain.append(str(i))
        [].append(Noisy("appended"))
        bound = plain.append
        bound(i)
        list.append(plain, i)
    return len(plain), plain[-3:], sub[-1], queue[-1]


def kinds(turns):
    d = {"a": 1}
    text = "a,b"
    out = 0
    for i in range(turns):
        out += len(text.split(",")) + len(text.upper()) + text.find("b") + len(text.replace("a", "xyz"))
        out += len(text.encode(encoding="utf-8")) + text.startswith("a") + len("{}-{x}".format(i, x=2))
        out += d.get("a") + d.get("b", 5) + len(d.copy()) + d.setdefault("a", 7) + len(list(d.items()))
        out += math.floor(2.5) + int(math.hypot(3, 4)) + math.gcd(12, i) + max(i, 3) + min(i, 3, 2) + abs(-i)
        out += ord("a") + len(chr(97)) + len(repr(i)) + len(hex(i)) + divmod(i, 3)[1] + pow(2, 3, 5) + hash(i)
        out += int("7") + int(2.5) + len(str(i)) + len(str()) + len(tuple([1, 2])) + len(list("ab")) + len(dict(a=1)) + bool(i)
        out += len(str(b"x", "ascii")) + len(type(i).__name__) + len(type("T", (), {}).__name__) + len(set([1, 1]))
        out += sum([1, 2], i) + operator.add(i, 1) + len(bytes(3)) + len(bytearray(b"x")) + round(2.567, 1).is_integer()
        out += len(sorted([2, 1], reverse=True)) + next(iter([4])) + next(iter([]), 9) + len(list(zip([1], [2]))) + id(i) * 0
        out += getattr(i, "real") + getattr(i, "nothing", 3) + callable(len) + issubclass(bool, int) + any([0, 1]) + all([])
        out += int.from_bytes(b"\1\2", "big") + (5).bit_length() + len(dict.fromkeys("ab")) + str.maketrans("a", "b")[97]
    return out


def changing(turns):
    functions = [len, Sized.__len__, sum, lambda o: 7, max, type, Noisy, str, list.copy, operator.length_hint]
    seen = []
    for i in range(turns):
        function = functions[i * len(functions) // turns]
        for argument in [[1, 2]], [Sized(2)], [[3]]:
            try:
                value = function(argument[0])
            except (TypeError, AttributeError) as e:
                value = str(e)
            seen.append(value if isinstance(value, (int, str)) else type(value).__name__)
    return [seen[i] for i in range(0, len(seen), len(seen) // 60)]


def raising(turns):
    texts = set()
    for i in range(turns):
        for call in (
            lambda: [].pop(),
            lambda: {}.pop("k"),
            lambda: "".index("x"),
            lambda: math.sqrt(-1),
            lambda: ord("ab"),
            lambda: [].append(),
            lambda: [].append(1, 2),
            lambda: "a".upper(1),
            lambda: len(),
            lambda: len(1, 2),
            lambda: isinstance(1),
            lambda: list.append(1, 2),
            lambda: list.append(),
            lambda: max(),
            lambda: int("x"),
            lambda: type(),
            lambda: str(1, 2, 3, 4),
            lambda: len(o=1),
            lambda: [].sort(1),
            lambda: [].sort(kee=1),
            lambda: max(1, 2, kee=3),
        ):
            try:
                call()
            except Exception as e:
                texts.add((type(e).__name__, str(e)))
    return sorted(texts)


def deaths(turns):
    for i in range(turns):
        str(Noisy("one"))
        log.append(1)
        [Noisy("item")].count(Noisy("counted"))
        log.append(2)
        max(Noisy("first"), Noisy("second"), key=len)
        log.append(3)
        Noisy("self").__str__()
        log.append(4)
        tuple([Noisy("in list")])
        log.append(5)
        type(Noisy("typed"))
        log.append(6)


for turns in 20, 80, 500:
    print(lengths(turns), instances(turns), appends(turns), kinds(turns))
    print(changing(turns))
    print(raising(turns))
    log.clear()
deaths(40)
print(*log[-40:])


def extremes(turns):
    nan, seen = float("nan"), []
    values = [1, 2, -3, 0, -0.0, 0.0, 2.5, nan, True, 1 << 40, -(1 << 70), float("inf"), 1.0]
    for i in range(turns):
        out = []
        for a in values:
            out.append(repr(abs(a)))
            for b in values:
                out.append(repr(min(a, b)) + repr(max(a, b)))
        seen = out
        x, y = i * 0.5, 7.25
        seen.append((min(x, y), max(x, y), min(x + 1, y), abs(x - 9.5), abs(-x), abs(i - 5), x, min(x, x) is x, max(i, 3), min(-i, 3)))
        if i == turns // 2:
            a, b = Noisy("a"), Noisy("b")
            try:
                min(a, b)
            except TypeError as e:
                seen.append(str(e))
    return len(seen), hash(str(seen)) * 0, "".join(map(str, seen))


for turns in 20, 90, 300:
    print(extremes(turns))


def extremes_of(turns, low, high, positive):
    total = 0
    for i in range(turns):
        total += low(i, 7) + high(i, 7) + positive(i - 7)
    return total


for functions in (min, max, abs), (lambda a, b: a, max, abs), (max, min, lambda a: 5), (min, max, abs):
    print(extremes_of(200, *functions))
