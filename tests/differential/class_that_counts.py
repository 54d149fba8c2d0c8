"""A class whose attribute changes at each turn, so that no version of it lasts: what sites see of it, of its instances and its subclass."""


class Counts:
    made = 0
    limit = 3

    def __init__(self, name):
        Counts.made += 1
        self.name = name
        self.number = Counts.made

    def describe(self):
        return self.name, self.number, self.limit

    @property
    def twice(self):
        return 2 * self.number


class Sub(Counts):
    limit = 4


class Meta(type):
    made = 0

    def __setattr__(cls, name, value):
        super().__setattr__(name, value if name != "odd" else value | 1)


class Hooked(metaclass=Meta):
    odd = 0

    def __getattr__(self, name):
        return "no " + name


def read(o):
    return o.limit


def write(o, value):
    o.made = value


def missing(o):
    try:
        return o.nothing
    except AttributeError as e:
        return str(e)


seen = []
for turn in range(1500):
    o = (Counts if turn % 3 else Sub)(str(turn))
    if turn % 100 == 50:
        Counts.limit = turn
    if turn % 400 == 399:
        del Sub.limit
    if turn % 400 == 0:
        Sub.limit = -turn
    seen.append((o.describe(), o.twice, read(o), read(Counts), read(Sub), missing(o) if turn % 7 == 0 else missing(Counts)))
    Hooked.odd = turn
    seen.append((Hooked.odd, missing(Hooked())))
    write(o, -1)
    seen.append((o.made, Counts.made, Sub.made))
    write(Sub, turn)
    seen.append((Sub.made, Counts.made))
    del Sub.made
    if turn == 700:
        Counts.name = property(lambda self: "by the class", lambda self, value: None)
    if turn == 900:
        del Counts.name
print(len(seen), hash(repr(seen)) and seen[:4], seen[4 * 699 : 4 * 702], seen[-4:])
total = 0
for entry in seen:
    total = (total * 31 + len(repr(entry))) % 1000003
print(total, Counts.made)
