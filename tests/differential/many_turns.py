# Loops of very many turns: the interpreter's handlers go on by jumps, whatever they did. A handler that called the next one
# instead would overflow the stack within such a loop.
TURNS = 300_000


class Plain:
    def __init__(self, x):
        self.x = x

    def method(self, y=1):
        return self.x + y


class Slotted:
    __slots__ = ("x",)


def numbers(n):
    i, f, big = 0, 0.5, 1
    while i < n:
        i += 1
        f = (f * 1.0001 + i) / 2.0 - i // 3
        big = (big * 3 + i) & 0xFFFFFFFFFFFF
        if i % 2 == 0 and f > big or i == big:
            f = -f
    return i, f, big


def containers(n):
    items, table, text = [0] * 8, {}, ""
    for i in range(n):
        items[i & 7] = i
        items[i & 7] += items[(i + 1) & 7] & 255
        table[i & 15] = (i, items[1:3])
        a, (b, *_) = table[i & 15]
        if a in table or "x" in text:
            text = text[1:] + "y"
    return items, table, text


def attributes(n):
    plain, slotted, total = Plain(0), Slotted(), 0
    objects = [Plain(1), plain, Plain(2)]
    for i in range(n):
        plain.x = i & 3
        plain.x += 1
        slotted.x = plain.x
        total += slotted.x + objects[i % 3].method() + plain.method(i & 1) + plain.method(y=2)
    return total


def calls(n):
    def inner(a, b=2, *rest, c=3, **more):
        return a + b + c + len(rest) + len(more)

    total = 0
    for i in range(n):
        total += inner(i & 1) + inner(1, 2, 3, c=4, d=5) + max(i & 3, 2) + len("abc") + Plain(i & 7).x
        total += isinstance(total, (int, str)) + abs(-i & 3) + min((i & 1, 2))
    return total


def generate(n):
    for i in range(n):
        yield i & 3


def generators(n):
    total = sum(generate(n)) + sum(x for x in generate(n))
    for x in generate(n):
        total += x
    return total + sum([x for x in range(n) if x & 1])


def exceptions(n):
    caught = 0
    for i in range(n // 10):
        try:
            if i & 1:
                raise ValueError(i)
            [][i]
        except (ValueError, IndexError):
            caught += 1
    return caught


for f in numbers, containers, attributes, calls, generators, exceptions:
    print(f.__name__, f(TURNS))
