"""How generators end under `for` and `yield from`: values returned, StopIteration inside, exceptions out of them and into them, what is being handled meanwhile."""

import sys
import traceback

TURNS = 60


def again(scenario):
    """Prints what the scenario tells, whenever it tells something else than in the turn before."""
    told = None
    for turn in range(TURNS):
        now = scenario()
        if now != told:
            print(scenario.__name__, turn, now)
            told = now


def describe(e):
    parts = []
    while e is not None:
        parts.append("%s(%s) %s" % (type(e).__name__, e, [entry.lineno for entry in traceback.extract_tb(e.__traceback__)]))
        parts.append("suppressed" if e.__suppress_context__ else "shown")
        e = e.__cause__ or e.__context__
    return parts


def values(*items, result=None):
    for item in items:
        yield item
    return result


def returned():
    def collect(source):
        got = yield from source
        yield ("got", got)

    log = []
    for result in None, 5, (1, 2), ValueError("as a value"), StopIteration(3):
        for x in values(1, 2, result=result):
            log.append(x)
        for x in collect(values(1, result=result)):
            log.append(str(x))
    return log


def stop_iteration_inside():
    def stops(how):
        yield 1
        if how == "raise":
            raise StopIteration("mine")
        if how == "next":
            next(iter(()))
        if how == "subclass":
            raise Sub("sub")
        yield 2

    class Sub(StopIteration):
        pass

    def delegating(how):
        yield from stops(how)

    log = []
    for how in "raise", "next", "subclass", "none":
        for make in stops, delegating:
            try:
                for x in make(how):
                    log.append(x)
            except RuntimeError as e:
                log.append(describe(e))
    return log


def handled_at_the_loop():
    def fails(n):
        for i in range(n):
            yield i
        {}[n]

    log = []
    for n in range(3):
        try:
            for x in fails(n):
                log.append(x)
            else:
                log.append("else")
        except KeyError as e:
            log.append(("caught", e.args, sys.exc_info()[1] is e))
        finally:
            log.append(sys.exc_info())
    return log


def what_is_being_handled():
    def own():
        log.append(("at the start", repr(sys.exc_info()[1])))
        try:
            raise KeyError("inside")
        except KeyError:
            yield 1
            log.append(("in the handler", repr(sys.exc_info()[1]), repr(sys.exc_info()[1].__context__)))
            yield 2
        log.append(("behind it", repr(sys.exc_info()[1])))
        yield 3

    def delegating():
        yield from own()

    log = []
    for make in own, delegating:
        for x in make():
            log.append((x, sys.exc_info()))
        try:
            raise ValueError("outside")
        except ValueError:
            for x in make():
                log.append((x, repr(sys.exc_info()[1])))
        log.append(sys.exc_info())
    return log


def context_of_what_leaves():
    def fails():
        yield 1
        raise KeyError("late")

    def in_a_handler():
        try:
            raise IndexError("first")
        except IndexError:
            yield 1
            raise KeyError("second")

    log = []
    for make in fails, in_a_handler:
        try:
            try:
                raise ValueError("outside")
            except ValueError:
                for x in make():
                    log.append(x)
        except KeyError as e:
            log.append(describe(e))
        log.append(sys.exc_info())
    return log


def thrown_into_what_a_loop_left():
    def catching():
        for i in range(4):
            try:
                yield i
            except ValueError as e:
                yield str(e)

    def delegating():
        yield from catching()
        yield "end"

    log = []
    for make in catching, delegating:
        g = make()
        for x in g:
            log.append(x)
            if x == 1:
                break
        log.append(g.throw(ValueError("thrown")))
        for x in g:
            log.append(x)
        try:
            g.throw(ValueError("late"))
        except ValueError as e:
            log.append(str(e))
    return log


def closed_when_a_loop_left():
    def guarded(name):
        try:
            yield 1
            yield 2
        except GeneratorExit:
            log.append((name, "exit"))
            raise
        finally:
            log.append((name, "finally", repr(sys.exc_info()[1])))

    def delegating():
        yield from guarded("inner")

    log = []
    for make in lambda: guarded("plain"), delegating:
        for x in make():
            log.append(x)
            break
        g = make()
        for x in g:
            break
        g.close()
        g.close()
        log.append(list(g))
    return log


def entered_in_turns():
    def counting():
        i = 0
        while True:
            i += 1
            got = yield i
            if got:
                i += got
            if i > 40:
                return "done"

    log = []
    g = counting()
    while True:
        for x in g:
            log.append(x)
            break
        try:
            log.append(next(g))
            log.append(g.send(3))
        except StopIteration as e:
            log.append(e.value)
            break
        for x in g:
            log.append(x)
            if x % 3 == 0:
                break
    for x in g:
        log.append("never")
    return log


def running_already():
    def itself():
        for x in itself_running:
            yield x

    def next_of_itself():
        yield next(itself_running)

    def delegate_to_itself():
        yield from itself_running

    log = []
    for make in itself, next_of_itself, delegate_to_itself:
        itself_running = make()
        try:
            for x in itself_running:
                log.append(x)
        except ValueError as e:
            log.append(describe(e))
    return log


def sent_through():
    def echo():
        got = None
        while got != "stop":
            got = yield ("echo", got)
        return "stopped"

    def delegating():
        return (yield from echo())

    def twice():
        log.append((yield from delegating()))

    log = []
    g = twice()
    log += [next(g), g.send(1), next(g), g.send(None), g.send("x")]
    try:
        g.send("stop")
    except StopIteration as e:
        log.append(e.value)
    try:
        twice().send(1)
    except TypeError as e:
        log.append(str(e))
    return log


def delegated_to_other_iterators():
    class Own:
        def __init__(self):
            self.n = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.n += 1
            if self.n > 2:
                raise StopIteration("own result")
            return self.n

    def delegating():
        log.append((yield from [1, 2]))
        log.append((yield from Own()))
        log.append((yield from range(2)))
        log.append((yield from ()))

    log = []
    for x in delegating():
        log.append(x)
    return log


for scenario in (
    returned,
    stop_iteration_inside,
    handled_at_the_loop,
    what_is_being_handled,
    context_of_what_leaves,
    thrown_into_what_a_loop_left,
    closed_when_a_loop_left,
    entered_in_turns,
    running_already,
    sent_through,
    delegated_to_other_iterators,
):
    again(scenario)
