"""The contract's third point: what a program may change is not assumed: after each change, in the middle of a hot loop, the new meaning holds."""

import builtins
import math

factor = 2
results = []


def plain(x, y=1):
    return x + y


def other(x, y=5):
    return x - y


class Base:
    shared = 1

    def step(self, x):
        return x + self.shared


class Derived(Base):
    pass


class Stranger:
    shared = 100

    def step(self, x):
        return -x


def run(name, change, turn, back=None):
    """One loop that uses all that can change; `change` happens in a given turn, `back` in a later one."""
    things = [Base(), Derived(), Base()]
    total, trail = 0, []
    for i in range(600):
        if i == 300:
            change(things)
        if i == 450 and back:
            back(things)
        total = total * 3 % 1000003 + turn(things[i % 3], i)
        if i % 75 == 74:
            trail.append(total)
    results.append((name, trail))


def use_function(thing, i):
    return plain(i)


def use_keyword_function(thing, i):
    return keyword(i)


def keyword(x, *, scale=3):
    return x * scale


def use_method(thing, i):
    return thing.step(i)


def use_attribute(thing, i):
    return thing.shared + i


def use_global(thing, i):
    return factor * i


def use_len(thing, i):
    return len("abc") + i


def use_isinstance(thing, i):
    return i if isinstance(thing, Base) else -i


def use_module(thing, i):
    return int(math.sqrt(i)) + math.floor(i / 3)


def set_global(value):
    global factor
    factor = value


original_code, original_defaults = plain.__code__, plain.__defaults__
run("__code__", lambda t: setattr(plain, "__code__", other.__code__), use_function, lambda t: setattr(plain, "__code__", original_code))
run("__defaults__", lambda t: setattr(plain, "__defaults__", (7,)), use_function, lambda t: setattr(plain, "__defaults__", original_defaults))
run("__kwdefaults__", lambda t: keyword.__kwdefaults__.update(scale=11), use_keyword_function, lambda t: keyword.__kwdefaults__.update(scale=3))
run("another class", lambda t: t.__setitem__(1, Stranger()), use_method)


class Convertible(Base):
    pass


class Converted(Base):
    shared = 50

    def step(self, x):
        return x * 2


def convert(things):
    for k in range(3):
        things[k] = Convertible()
    things[1].__class__ = Converted


run("o.__class__", convert, use_method, lambda t: setattr(t[1], "__class__", Convertible))
run("class attribute", lambda t: setattr(Base, "shared", 9), use_attribute, lambda t: setattr(Base, "shared", 1))
run("attribute of the subclass", lambda t: setattr(Derived, "shared", 77), use_attribute, lambda t: delattr(Derived, "shared"))
run("instance attribute", lambda t: setattr(t[0], "shared", 13), use_attribute, lambda t: delattr(t[0], "shared"))
run("method of the instance", lambda t: setattr(t[2], "step", lambda x: 1000), use_method, lambda t: delattr(t[2], "step"))
run("method", lambda t: setattr(Base, "step", lambda self, x: x * x), use_method)


class NewBase:
    shared = 21

    def step(self, x):
        return x - 21


class Middle(NewBase):
    pass


class Bottom(Middle):
    pass


def rebase(things):
    things[1] = Bottom()
    Bottom.__bases__ = (Middle2,)


class Middle2(NewBase):
    shared = 22


run("__bases__", rebase, use_attribute, lambda t: setattr(Bottom, "__bases__", (Middle,)))
run("__getattribute__", lambda t: setattr(Derived, "__getattribute__", lambda self, name: 4), use_attribute, lambda t: delattr(Derived, "__getattribute__"))
run("__getattr__", lambda t: (setattr(Derived, "__getattr__", lambda self, name: 6), delattr(Base, "shared"), setattr(t[0], "shared", 1), setattr(t[2], "shared", 2)), use_attribute)
Base.shared = 1
run("data descriptor", lambda t: setattr(Base, "shared", property(lambda self: 31)), use_attribute, lambda t: setattr(Base, "shared", 1))
run("global", lambda t: set_global(5), use_global, lambda t: set_global(2.5))
run("shadowed builtin", lambda t: globals().__setitem__("len", lambda s: 40), use_len, lambda t: globals().__delitem__("len"))
kept_len, kept_isinstance = builtins.len, builtins.isinstance
run("builtin", lambda t: setattr(builtins, "len", lambda s: 41), use_len, lambda t: setattr(builtins, "len", kept_len))
run("isinstance replaced", lambda t: setattr(builtins, "isinstance", lambda o, c: False), use_isinstance, lambda t: setattr(builtins, "isinstance", kept_isinstance))


class Meta(type):
    answers = True

    def __instancecheck__(cls, instance):
        return cls.answers


class Checked(metaclass=Meta):
    pass


class Liar:
    __class__ = Base


def use_checked(thing, i):
    return i if isinstance(thing, Checked) else -i


run("__instancecheck__", lambda t: setattr(Meta, "answers", False), use_checked, lambda t: setattr(Meta, "__instancecheck__", lambda cls, o: True))
run("__class__ overridden", lambda t: t.__setitem__(1, Liar()), use_isinstance)
kept_sqrt = math.sqrt
run("module attribute", lambda t: setattr(math, "sqrt", lambda x: 3.0), use_module, lambda t: setattr(math, "sqrt", kept_sqrt))
for name, trail in results:
    print(name, trail)
