"""The loop's variable holds objects of several classes, which die when it is assigned again: each at its time, and the next one is looked at anew."""

deaths = []


class Plain:
    def __init__(self, number):
        self.number = number

    def value(self):
        return self.number


class Dying(Plain):
    def __del__(self):
        deaths.append((self.number, item_is()))


class Slotted:
    __slots__ = ("number",)

    def __init__(self, number):
        self.number = number

    def value(self):
        return self.number * 0.5


class Listed(list):
    def value(self):
        return len(self)


def item_is():
    return type(holder[0]).__name__


holder = [None]


def drain(items):
    """The list gives up each item, so that the variable has the only reference."""
    total = 0
    while items:
        item = items.pop()
        holder[0] = total
        total += item.value()
    return total


def walk(items):
    total = 0
    for item in items:
        total += item.value()
    return total


def twice(items):
    """Two names for one object."""
    total = 0
    for item in items:
        total += item.value()
        other = item
    return total, type(other).__name__


kinds = (Plain, Dying, Slotted, lambda n: Listed([n] * (n % 5)))


def make(count, pick):
    return [kinds[pick(k)](k) for k in range(count)]


print(walk(make(600, lambda k: 0)), walk(make(900, lambda k: k * k // 7 % 4)), walk(make(500, lambda k: 2)))
print(len(deaths), sum(n for n, _ in deaths))
deaths.clear()
print(drain(make(600, lambda k: 1)), drain(make(900, lambda k: k * 5 // 3 % 4)), drain(make(400, lambda k: 3)))
print(len(deaths), deaths[:5], deaths[-5:], sum(n * i for i, (n, _) in enumerate(deaths)))
print(twice(make(700, lambda k: k // 100 % 4)), twice(make(700, lambda k: k % 3)))

items = make(800, lambda k: k % 2)
total = 0
for item in items:
    total += item.value()
    if item.number == 500:
        Plain.value = lambda self: -self.number
print(total, type(item).__name__)
