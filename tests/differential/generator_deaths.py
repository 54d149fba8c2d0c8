"""Where objects die around generators that a `for` or `yield from` runs: locals, returned values, sent values, the generator, what it handles; and what frames show then."""

import gc
import sys
import weakref

TURNS = 60
log = []


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        frame = sys._getframe(1)
        where = []
        while frame.f_code.co_name != "again":
            where.append((frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))
            frame = frame.f_back
        log.append((self.name, where, repr(sys.exc_info()[1])))


def again(scenario):
    """Prints what the scenario tells, whenever it tells something else than in the turn before."""
    told = None
    for turn in range(TURNS):
        log.clear()
        scenario()
        if log != told:
            print(scenario.__name__, turn, *log, sep="\n  ")
            told = log[:]


def with_locals(n):
    first, second = Noisy("first"), Noisy("second")
    for i in range(n):
        yield i
    log.append("end")
    return Noisy("result")


def ended_by_a_loop():
    for x in with_locals(2):
        log.append(x)
    log.append("behind the loop")


def delegating(n):
    mine = Noisy("mine")
    got = yield from with_locals(n)
    log.append(got.name)


def ended_by_yield_from():
    for x in delegating(2):
        log.append(x)
    log.append("behind the loop")


def left_by_break():
    for x in with_locals(2):
        break
    log.append("behind the loop")
    for x in delegating(2):
        break
    log.append("behind the second loop")


def failing():
    mine = Noisy("of the failing")
    yield 1
    raise KeyError("key")


def left_by_an_exception():
    try:
        for x in failing():
            log.append(x)
    except KeyError as e:
        log.append(len(e.args))
        del e
        log.append("handled")
    log.append("behind the handler")


def yielded_values():
    def give():
        yield Noisy("temporary")
        value = Noisy("kept by its generator")
        yield value
        del value
        log.append("before the end")

    for x in give():
        log.append(x.name)
    log.append("loop left")
    del x


def sent_values():
    def receive():
        while True:
            got = yield
            log.append(got and got.name)
            del got
            log.append("dropped inside")
            yield

    def between():
        yield from receive()

    g = between()
    next(g)
    g.send(Noisy("sent"))
    log.append("behind send")
    next(g)
    g.send(None)


def weakly_seen():
    g = with_locals(1)
    w = weakref.ref(g, lambda _: log.append("generator died"))
    for x in g:
        log.append(x)
    log.append(w() is g)
    del g
    log.append("dropped")


def only_the_loop_has_it():
    def give(flag):
        here = Noisy("local")
        yield weakref.ref(here, lambda _: log.append("callback"))

    kept = []
    for w in give(1):
        kept.append(w)
    log.append(kept[0]() is None)


def exception_kept_by_a_generator():
    def handling():
        try:
            raise KeyError(Noisy("in the exception"))
        except KeyError:
            yield 1
            return

    for x in handling():
        log.append(x)
    log.append("behind the loop")


def cycles_while_running():
    def cyclic():
        me = [None]
        me[0] = me
        me.append(Noisy("in a cycle"))
        yield 1
        del me
        gc.collect()
        log.append("collected inside")
        yield 2

    for x in cyclic():
        gc.collect()
        log.append(x)


gc.disable()
for scenario in (
    ended_by_a_loop,
    ended_by_yield_from,
    left_by_break,
    left_by_an_exception,
    yielded_values,
    sent_values,
    weakly_seen,
    only_the_loop_has_it,
    exception_kept_by_a_generator,
    cycles_while_running,
):
    again(scenario)
