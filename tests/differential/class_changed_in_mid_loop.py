"""Class attributes, methods, bases, __class__, __getattr__, __add__ changed while a hot loop uses them."""


class Base:
    rate = 1

    def step(self, x):
        return x + self.rate


class Other:
    rate = 100

    def step(self, x):
        return x - self.rate


class Child(Base):
    def __init__(self):
        self.n = 0


def attributes(turns):
    c = Child()
    total = 0
    for i in range(turns):
        total += c.rate
        if i == 100:
            Base.rate = 2
        if i == 150:
            Child.rate = 3
        if i == 200:
            c.rate = 4
        if i == 250:
            del c.rate
        if i == 300:
            del Child.rate
    Base.rate = 1
    return total


def methods(turns):
    c = Child()
    original = Base.step
    out = []
    x = 0
    for i in range(turns):
        x = c.step(x)
        if i == 100:
            Base.step = lambda self, x: x + 1000
        if i == 150:
            Child.step = lambda self, x: x - 3
        if i == 200:
            c.step = lambda x: x * 2 % 100003
        if i == 250:
            del c.step, Child.step
            Base.step = original
        if i % 50 == 1:
            out.append(x)
    return out


def bases(turns):
    class K(Base):
        pass

    k = K()
    x = 0
    log = []
    for i in range(turns):
        x = k.step(x)
        if i == 120:
            K.__bases__ = (Other,)
        if i == 240:
            K.__bases__ = (Other, Base)
            del Other.rate
        if i % 60 == 5:
            log.append((x, isinstance(k, Base), k.rate))
    Other.rate = 100
    return log


def instance_class(turns):
    c = Child()
    x = 0
    log = []

    class Twin(Other):
        def __init__(self):
            pass

    for i in range(turns):
        x = c.step(x)
        if i % 70 == 69:
            c.__class__ = Twin if type(c) is Child else Child
            log.append((x, type(c).__name__))
    return log


class Number:
    def __init__(self, v):
        self.v = v

    def __add__(self, other):
        return Number(self.v + other)


def operators(turns):
    n = Number(0)
    original = Number.__add__
    for i in range(turns):
        n = n + 1
        if i == 100:
            Number.__add__ = lambda self, other: Number(self.v + 10 * other)
        if i == 200:
            Number.__iadd__ = lambda self, other: Number(-self.v)
        n += 1
    del Number.__iadd__
    Number.__add__ = original
    return n.v


class Plain:
    pass


def getattr_added(turns):
    p = Plain()
    p.x = 1
    total = 0
    for i in range(turns):
        total += p.x
        if i == 80:
            Plain.__getattr__ = lambda self, name: 50
            del p.x
        if i == 120:
            Plain.__getattribute__ = lambda self, name: 7
        if i == 160:
            del Plain.__getattribute__
        if i == 200:
            Plain.x = property(lambda self: 1000)
    del Plain.x, Plain.__getattr__
    return total


def data_descriptor_added(turns):
    p = Plain()
    p.v = 2
    total = 0
    for i in range(turns):
        total += p.v
        if i == 100:
            Plain.v = 30
        if i == 150:
            Plain.v = property(lambda self: 500)
        if i == 170:
            del Plain.v
    return total


def truth(turns):
    class T:
        pass

    t = T()
    n = 0
    for i in range(turns):
        if t:
            n += 1
        if i == 90:
            T.__bool__ = lambda self: False
        if i == 140:
            del T.__bool__
            T.__len__ = lambda self: 0
        if i == 180:
            T.__len__ = lambda self: 3
    return n


for _ in range(2):
    print(attributes(350), methods(300), operators(300), getattr_added(250), data_descriptor_added(220), truth(230))
    print(bases(360))
    print(instance_class(300))
