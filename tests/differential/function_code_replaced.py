"""`__code__`, `__defaults__`, `__kwdefaults__` of an inlined function replaced in the middle of the loop that calls it."""


def add(x, y=1, *, z=10):
    return x + y + z


def multiply(x, y=1, *, z=10):
    return x * y * z


def fewer(x):
    return -x


original = add.__code__


def run(turns):
    total = 0
    log = []
    for i in range(turns):
        if i == 100:
            add.__code__ = multiply.__code__
        if i == 150:
            add.__defaults__ = (3,)
        if i == 200:
            add.__kwdefaults__ = {"z": -1}
        if i == 250:
            add.__code__ = fewer.__code__
            add.__defaults__ = None
        if i == 300:
            add.__code__ = original
            add.__defaults__ = (1,)
            add.__kwdefaults__ = {"z": 10}
        if i == 320:
            add.__kwdefaults__["z"] = 1000
        value = add(i)
        total += value
        if i % 50 in (0, 1, 49):
            log.append(value)
    return total, log


print(run(400))


def replaces_itself(x):
    if x == 130:
        replaces_itself.__code__ = other.__code__
    return x


def other(x):
    return x + 1000000


def self_replacement(turns):
    out = []
    for i in range(turns):
        out.append(replaces_itself(i))
    return out[129:133]


print(self_replacement(200))


def hot(turns):
    total = 0
    for i in range(turns):
        if i == 170:
            hot.__code__ = cold.__code__
        total += i
    return total


def cold(turns):
    return "cold"


print(hot(300), hot(300))


def required(x, y=2):
    return x - y


def defaults_removed(turns):
    total = 0
    for i in range(turns):
        if i == 222:
            required.__defaults__ = None
        total += required(i)
    return total


try:
    defaults_removed(300)
except TypeError as e:
    tb = e.__traceback__.tb_next
    print(e, tb.tb_lineno, tb.tb_frame.f_locals)


def make(k):
    def closure(x):
        return x + k
    return closure


def closures(turns):
    f, g = make(1), make(1000)
    total = 0
    for i in range(turns):
        if i == 100:
            f.__code__ = g.__code__
        if i == 150:
            f = g
        total += f(i)
    return total


print(closures(200))
