# `isinstance` in hot code: of classes, of tuples of them, with a say of metaclasses, of `__class__`, of its change in mid-loop.


class Base:
    pass


class Derived(Base):
    pass


class Meta(type):
    def __instancecheck__(cls, o):
        return isinstance(o, int) and o % 3 == 0


class Third(metaclass=Meta):
    pass


class Proxy:
    @property
    def __class__(self):
        return Derived


class Lazy:
    def __getattribute__(self, name):
        if name == "__class__":
            return Base
        return object.__getattribute__(self, name)


class Changing:
    pass


class Disguised(Changing):
    __class__ = property(lambda self: str)


def count(objects, classes):
    return [[isinstance(o, c) for o in objects] for c in classes]


changing = Changing()
objects = [1, 3, True, 2.5, "x", None, [], Base(), Derived(), Proxy(), Lazy(), changing, Base, type, Meta]
classes = [int, Base, Derived, Third, (int, str), (), (Base, Third), (str, (int, (Base,))), type, object, (float, Changing)]
seen = []
for turn in range(400):
    answers = count(objects, classes)
    if not seen or seen[-1][1] != answers:
        seen.append((turn, answers))
    if turn == 100:
        changing.__class__ = Disguised
    if turn == 200:
        object.__dict__["__class__"].__set__(changing, Changing)
    if turn == 300:
        Derived.__bases__ = (Lazy,)
for turn, answers in seen:
    print(turn)
    for row in answers:
        print("".join("01"[x] for x in row))

for bad in 1, (int, 2), ("x",), int | str, [int]:
    outcomes = set()
    for turn in range(100):
        try:
            outcomes.add(isinstance(turn + 0.5, bad))
        except TypeError as e:
            outcomes.add(str(e))
    print(bad, outcomes)
