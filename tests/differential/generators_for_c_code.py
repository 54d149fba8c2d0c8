"""Generators that C code asks for their values: results, ends, exceptions, frames, deaths, recursion, trace functions."""

import sys
import traceback
from collections import deque
from itertools import chain, islice

TURNS = 60


def again(scenario):
    """Prints what the scenario tells, whenever it tells something else than in the turn before."""
    told = None
    for turn in range(TURNS):
        now = scenario()
        if now != told:
            print(scenario.__name__, turn, now)
            told = now


def count(n, result=None):
    for i in range(n):
        yield i
    return result


def consumed():
    log = [
        sum(x * x for x in range(10)),
        list(count(3)),
        tuple(count(2)),
        sorted(-x for x in count(4)),
        max(count(5)),
        any(x > 2 for x in count(5)),
        all(x < 2 for x in count(5)),
        "-".join(str(x) for x in count(4)),
        dict((x, x + 1) for x in count(3)),
        len(set(x % 3 for x in count(9))),
        list(zip(count(3), count(2))),
        list(map(abs, count(3))),
        list(chain(count(1), (x for x in count(2)))),
        list(islice(count(100), 2, 5)),
        deque(count(6), maxlen=2),
    ]
    a, b, *rest = count(5)
    return log, a, b, rest


def one_by_one():
    log = []
    for result in None, 7, (1, 2), ValueError("v"):
        g = count(1, result)
        log.append(next(g))
        try:
            next(g)
        except StopIteration as e:
            log.append((str(e.value), e.args == () or str(e.args), repr(e.__context__)))
        log.append((next(g, "default"), next(g, "again"), g.gi_frame))
    return log


def failing(n, error):
    for i in range(n):
        yield i
    raise error


def exceptions():
    log = []
    for error in KeyError("k"), StopIteration("s"), GeneratorExit("g"):
        for consume in list, sum, sorted, lambda g: [next(g) for _ in range(5)]:
            try:
                raise LookupError("being handled")
            except LookupError:
                try:
                    consume(failing(2, error))
                except BaseException as e:
                    entries = [(f.name, f.lineno) for f in traceback.extract_tb(e.__traceback__)]
                    log.append((repr(e), repr(e.__cause__), repr(e.__context__), entries))
                    e.__traceback__ = error.__traceback__ = error.__context__ = None
    return log


def running_already():
    def own():
        for consume in list, next, sum:
            try:
                consume(g)
            except ValueError as e:
                yield str(e)

    g = own()
    return list(g)


def frames():
    def looks():
        for i in range(2):
            frame = sys._getframe()
            yield frame.f_back.f_code.co_name, frame.f_back.f_lineno - frame.f_back.f_code.co_firstlineno, g.gi_running

    g = looks()
    log = list(g)
    g = looks()
    log += next(g), g.gi_running, g.gi_frame.f_back
    return log


def deaths():
    class Noisy:
        def __init__(self, name):
            self.name = name

        def __del__(self):
            log.append((self.name, sys._getframe(1).f_code.co_name))

    def holds():
        mine = Noisy("local")
        yield 1
        yield Noisy("yielded")
        log.append("end")
        return Noisy("returned")

    log = []
    list(holds())
    log.append("listed")
    g = holds()
    next(g)
    log.append("dropping")
    del g
    for x in zip(holds(), range(1)):
        log.append(x[1])
    return log


def handled():
    def handling():
        try:
            raise KeyError("inside")
        except KeyError:
            yield repr(sys.exc_info()[1])
        yield repr(sys.exc_info()[1])

    try:
        raise ValueError("outside")
    except ValueError:
        return list(handling()), repr(sys.exc_info()[1])


for scenario in consumed, one_by_one, exceptions, running_already, frames, deaths, handled:
    again(scenario)


def nested(n):
    yield sum(nested(n - 1)) + 1 if n else 0


def depth():
    low, high = 1, 300
    while low + 1 < high:
        middle = (low + high) // 2
        try:
            next(nested(middle))
            low = middle
        except RecursionError:
            high = middle
    return low


sys.setrecursionlimit(120)
print(depth())
sys.setrecursionlimit(1000)

events = []


def trace(frame, event, arg):
    events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno))
    return trace


def switches():
    for i in range(3):
        if i == 1:
            sys.settrace(trace)
            sys._getframe().f_trace = trace
        yield i


for turn in range(2):
    events.clear()
    print(sum(switches()), sum(x for x in count(2)))
    sys.settrace(None)
    print(*events, sep="\n")
