"""Generators that are dropped in the midst: what dies, in which order, seen from where; and those that have a say in it."""
import gc
import sys
import weakref


class Dead:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        f = sys._getframe(1)
        log.append((self.name, f.f_code.co_name, f.f_lineno - f.f_code.co_firstlineno, sys.exc_info()[0]))


class Iterator(Dead):
    def __iter__(self):
        return self

    def __next__(self):
        return 1


log = []


def show(label):
    print(label, log)
    log.clear()


def plain(n):
    a = Dead("a")
    b = Dead("b")
    for x in Iterator("outer"):
        for y in Iterator("inner"):
            yield x
            c = Dead("c")


def guarded():
    a = Dead("guarded")
    try:
        yield 1
    except GeneratorExit:
        log.append("exit")
        raise
    finally:
        log.append("finally")


def ignoring():
    try:
        yield 1
    except GeneratorExit:
        yield 2


def delegating():
    d = Dead("delegating")
    yield from plain(1)


def closes_over():
    x = Dead("cell")

    def inner():
        z = Dead("z")
        yield x
        yield z

    return inner()


def in_handler():
    try:
        raise KeyError
    except KeyError:
        h = Dead("handled")
        yield 1


def after_handler():
    h = Dead("after")
    try:
        raise KeyError
    except KeyError:
        pass
    yield sys.exc_info()[0]
    yield 2


for turn in range(60):
    g = plain(1)
    next(g)
    if turn % 2:
        next(g)
    del g
    if turn < 58:
        log.clear()
show("plain")
for make in (guarded, delegating, closes_over, in_handler, after_handler):
    g = make()
    next(g)
    del g
    show(make.__name__)
sys.unraisablehook = lambda u: log.append((type(u.exc_value).__name__, str(u.exc_value)))
g = ignoring()
next(g)
del g
show("ignoring")

for turn in range(60):
    any(Dead(str(x)) for x in range(3))
    all(x < 5 for x in range(10))
    next(x for x in Iterator("it"))
    log.clear() if turn < 59 else None
show("expressions")

# With an exception set, and in its handling.
def raising():
    g = plain(1)
    next(g)
    raise ValueError("kept")


try:
    raising()
except ValueError as e:
    print(repr(e), e.__context__)
show("raising")
try:
    raise KeyError("outer")
except KeyError:
    g = plain(1)
    next(g)
    del g
    print(sys.exc_info()[0])
show("handling")

# A frame object keeps the locals.
g = plain(1)
next(g)
frame = g.gi_frame
del g
print(sorted(frame.f_locals))
show("frame")
del frame
show("frame gone")


class Keeps:
    def __iter__(self):
        return self

    def __next__(self):
        return 1

    def __del__(self):
        kept.append(sys._getframe(1))


kept = []


def looked_at():
    q = Dead("q")
    for x in Keeps():
        yield x


g = looked_at()
next(g)
del g
show("looked at")
print(kept[0].f_code.co_name, sorted(kept[0].f_locals), kept[0].f_back)
kept.clear()
show("let go")

# Resurrected, weakly referenced, in a cycle, resumed while it is closed.
class Resumes:
    def __iter__(self):
        return self

    def __next__(self):
        return 1

    def __del__(self):
        try:
            next(self.generator())
        except (ValueError, StopIteration, TypeError) as e:
            log.append(repr(e))


def resumed(r):
    for x in r:
        yield x


r = Resumes()
g = resumed(r)
r.generator = weakref.ref(g)
next(g)
del r
del g
show("resumed")


def cyclic():
    me = yield
    d = Dead("cyclic")
    yield me


g = cyclic()
next(g)
g.send(g)
w = weakref.ref(g)
del g
gc.collect()
print(w())
show("cyclic")
g = plain(1)
next(g)
g.close()
print(list(g))
show("closed")
g = plain(1)
del g
show("not started")

# Traced.
events = []


def tracer(f, event, arg):
    if f.f_code.co_name == "plain":
        events.append(event)
    return tracer


sys.settrace(tracer)
g = plain(1)
next(g)
del g
sys.settrace(None)
print(events)
show("traced")
