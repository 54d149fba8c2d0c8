"""Trace and profile functions set by Python code that C code calls within an instruction: the very next instruction shows events."""

import sys

events = []


def note(frame, event, arg):
    if frame.f_code.co_filename == __file__ and frame.f_code.co_name not in ("note", "off"):
        events.append((event, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))
    return note


def profile():
    sys.setprofile(note)


def trace():
    frame = sys._getframe(2)
    frame.f_trace = note
    sys.settrace(note)


def off():
    sys.setprofile(None)
    sys.settrace(None)


setter = None


class Caller:
    attribute = property(lambda self: setter())

    def __enter__(self):
        setter()

    def __exit__(self, *args):
        off()

    def __add__(self, other):
        setter()
        return 1

    def __neg__(self):
        setter()
        return 1

    def __eq__(self, other):
        setter()
        return True

    def __contains__(self, item):
        setter()
        return True

    def __getitem__(self, index):
        setter()
        return 1

    def __setitem__(self, index, value):
        setter()

    def __delitem__(self, index):
        setter()

    def __setattr__(self, name, value):
        setter()

    def __iter__(self):
        setter()
        return iter("ab")

    def __bool__(self):
        setter()
        return True

    def __format__(self, spec):
        setter()
        return ""

    def __call__(self, *args):
        setter()
        return args

    def keys(self):
        setter()
        return ["k"]


class Dying:
    def __del__(self):
        setter()


class Iterator:
    def __iter__(self):
        return self

    def __next__(self):
        setter()
        return 1


def by_attribute(c):
    c.attribute
    abs(1)
    x = 2
    return x


def by_with(c):
    with c:
        abs(1)
        x = 1
    return x


def by_add(c):
    x = c + 1
    abs(x)
    return x


def by_neg(c):
    x = -c
    abs(x)
    return x


def by_eq(c):
    if c == 1:
        abs(1)
    return 2


def by_contains(c):
    x = 1 in c
    abs(x)
    return x


def by_getitem(c):
    x = c[0]
    abs(x)
    return x


def by_setitem(c):
    c[0] = 1
    abs(1)
    return 2


def by_delitem(c):
    del c[0]
    abs(1)
    return 2


def by_setattr(c):
    c.x = 1
    abs(1)
    return 2


def by_iter(c):
    for x in c:
        abs(1)
    return x


def by_unpacking(c):
    a, b = c
    abs(1)
    return a


def by_star(c):
    x = [*c]
    abs(1)
    return x


def by_bool(c):
    if c:
        abs(1)
    return 2


def by_not(c):
    x = not c
    abs(1)
    return x


def by_format(c):
    x = f"{c}"
    abs(1)
    return x


def by_call(c):
    x = c(1)
    abs(1)
    return x


def by_mapping(c):
    x = {**c}
    abs(1)
    return x


def by_death(c):
    d = Dying()
    d = None
    abs(1)
    return d


def by_death_of_local(c):
    d = Dying()
    del d
    abs(1)
    return 1


def by_next(c):
    for x in Iterator():
        abs(1)
        break
    return x


def by_map(c):
    x = list(map(lambda i: setter(), [1]))
    abs(1)
    return x


def by_sort_key(c):
    x = sorted([2, 1], key=lambda i: setter() or i)
    abs(1)
    return x


CASES = [f for name, f in list(globals().items()) if name.startswith("by_")]
quiet = lambda: None  # noqa: E731


def warm_and_then(function, c, turns):
    global setter
    for i in range(turns + 1):
        setter = profile if i == turns and kind == "profile" else trace if i == turns else quiet
        try:
            function(c)
        finally:
            off()


for kind in "profile", "trace":
    for function in CASES:
        for turns in 0, 30, 300:
            del events[:]
            try:
                warm_and_then(function, Caller(), turns)
            except TypeError as error:
                events.append(str(error))
            shown = [event for event in events if event[1] == function.__name__ or event[0].startswith("c_")]
            print(kind, function.__name__, turns, shown)
