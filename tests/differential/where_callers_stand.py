"""Where callers stand while C code, operators, protocols and statements call functions of theirs: code that has run a few times shows what
the compiler emitted, as CPython's does before it specialises."""

import sys

places = []


def here():
    places.append(sys._getframe(2).f_lasti)


class C:
    def __init__(s, *a):
        here()


class N:
    def __new__(c, *a):
        here()
        return object.__new__(c)


class M(type):
    def __call__(c, *a):
        here()
        return 1


class MC(metaclass=M):
    pass


class Cm:
    def __enter__(s):
        here()

    def __exit__(s, *a):
        here()

    def __add__(s, o):
        here()
        return 1
    __radd__ = __iadd__ = __lt__ = __eq__ = __sub__ = __matmul__ = __add__

    def __hash__(s):
        here()
        return 1

    def __contains__(s, o):
        here()
        return True

    def __getattr__(s, n):
        here()
        return 1

    def __setattr__(s, n, v):
        here()

    def __delattr__(s, n):
        here()

    def __setitem__(s, k, v):
        here()

    def __delitem__(s, k):
        here()

    def __bool__(s):
        here()
        return True

    def __len__(s):
        here()
        return 1

    def __neg__(s):
        here()
        return 1

    def __invert__(s):
        here()
        return 1

    def __iter__(s):
        here()
        return iter(())

    def __call__(s, *a, **k):
        here()
        return 1

    def __format__(s, f):
        here()
        return ''

    def __str__(s):
        here()
        return ''

    def __repr__(s):
        here()
        return ''

    @property
    def prop(s):
        here()
        return 1

    def meth(s, *a, **k):
        here()
        return 1

    @classmethod
    def cmeth(s, *a):
        here()

    @staticmethod
    def smeth(*a):
        here()

    def __index__(s):
        here()
        return 0

    def __getitem__(s, k):
        here()
        return 1


class It:
    def __iter__(s):
        return s
    n = 0

    def __next__(s):
        here()
        s.n += 1
        if s.n > 2:
            raise StopIteration
        return s.n


class Sub(Cm):
    def meth(s, *a, **k):
        super().meth(*a, **k)

    def go(s):
        return super().meth(1)


def gen():
    here()
    yield 1
    here()
    yield 2
    here()


def deleg():
    x = (yield from gen())


def fn(*a, **k):
    here()


def fd(a, b=1):
    here()


async def co():
    here()


async def aco():
    await co()


def calls_by_class():
    C(1)


def calls_by_class_with_star():
    C(*[1])


def calls_by_new():
    N(1)


def calls_by_metaclass():
    MC(1)


def calls_by_with():
    with Cm():
        pass


def calls_by_binary_operators():
    Cm() + 1
    1 + Cm()
    Cm() < 1
    Cm() == 1


def calls_by_in_place_and_unary():
    x = Cm()
    x += 1
    -x


def calls_by_hash_and_in():
    {Cm(): 1}
    1 in Cm()


def calls_by_attributes_and_items():
    x = Cm()
    x.foo
    x.foo = 1
    del x.foo
    x[1] = 2
    del x[1]


def calls_by_truth():
    x = Cm()
    if x:
        pass
    not x
    x and 1
    while not x:
        pass


def calls_by_iteration():
    for i in Cm():
        pass
    for i in It():
        pass
    for i in gen():
        pass
    for i in deleg():
        pass


def calls_by_call():
    Cm()(1)
    Cm()(1, k=2)
    Cm()(*[1])
    Cm()(**{'a': 1})


def calls_by_format():
    f'{Cm()}'
    f'{Cm()!s}'
    f'{Cm()!r:>3}'


def calls_by_methods():
    x = Cm()
    x.prop
    x.meth()
    x.meth(k=1)
    x.cmeth()
    x.smeth(1)
    x.meth(*[1], **{'k': 1})


def calls_by_super():
    Sub().meth(1)
    Sub().go()


def calls_by_functions():
    fn()
    fn(1, k=1)
    fn(*[1])
    fn(**{'a': 1})
    fd(1)
    fd(a=1)


def calls_by_subscripts():
    [1, 2][Cm()]
    [1, 2][Cm():]
    Cm()[1]


def calls_by_coroutines():
    try:
        co().send(None)
    except StopIteration:
        pass
    try:
        aco().send(None)
    except StopIteration:
        pass


def calls_by_builtins():
    list(gen())
    sum((x for x in gen()))
    [x for x in gen()]
    next(gen())
    len(Cm())
    str(Cm())
    sorted([1, 2], key=fn)
    list(map(fn, [1]))
    max([1, 2], key=fn) if False else None


def calls_by_unpacking():
    a, b = gen()
    a, *b = gen()
    [*gen()]
    {*gen()}
    fn(*gen())


def calls_by_conditions_and_class_bodies():
    assert Cm()
    Cm() if Cm() else 0
    print(end=str(Cm()))
    isinstance(1, (int,))
    bool(Cm())
    hash(Cm())

    class D(C):
        pass
    D(1)


def run(function):
    places.clear()
    try:
        function()
    except Exception as e:
        places.append(repr(e))
    return list(places)


def tell(name):
    first, second = run(globals()[name]), run(globals()[name])
    print(name, first, first == second)


# No loop of Python's here: it would be compiled, and what it calls with it.
list(map(tell, sorted(name for name in globals() if name.startswith("calls_by_"))))
