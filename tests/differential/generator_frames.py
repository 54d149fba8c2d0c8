"""What a program sees of a generator that a `for` or `yield from` runs: frames, states, delegates, before, within and after, cold and warm."""

import inspect
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


def chain(frame):
    names = []
    while frame is not None and frame.f_code.co_name != "again":
        names.append((frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti))
        frame = frame.f_back
    return names


def looking(log, n):
    for i in range(n):
        log.append(chain(sys._getframe()))
        yield i


def delegating(log, n):
    got = yield from looking(log, n)
    log.append(got)
    for x in looking(log, 1):
        yield x


def frames_in_a_for():
    log = []
    for x in looking(log, 2):
        log.append(x)
    return log


def frames_in_yield_from():
    log = []
    for x in delegating(log, 2):
        log.append(x)
    return log


def states_of_itself():
    def own():
        log.append((inspect.getgeneratorstate(g), g.gi_running, g.gi_suspended, g.gi_yieldfrom))
        yield 1
        log.append((inspect.getgeneratorstate(g), g.gi_running, g.gi_frame.f_lasti))
        yield 2

    log = []
    g = own()
    log.append((inspect.getgeneratorstate(g), g.gi_frame.f_lasti))
    for x in g:
        log.append((x, inspect.getgeneratorstate(g), g.gi_running, g.gi_suspended, g.gi_frame.f_back, g.gi_frame.f_lineno))
    log.append((inspect.getgeneratorstate(g), g.gi_frame, g.gi_running))
    return [str(entry).replace(__file__, "FILE") for entry in log]


def inner():
    yield 1
    looked.append((outer_generator.gi_running, outer_generator.gi_yieldfrom))
    yield 2


def outer():
    yield from inner()
    yield 3


outer_generator = None
looked = []


def delegates():
    global outer_generator
    outer_generator = outer()
    looked.clear()
    seen = []
    for x in outer_generator:
        delegate = outer_generator.gi_yieldfrom
        seen.append((x, delegate and delegate.__name__, delegate and inspect.getgeneratorstate(delegate)))
    return seen, looked[:]


def frames_kept_after_the_end():
    def keeper(n):
        local = "local of %d" % n
        kept.append(sys._getframe())
        for i in range(n):
            yield i
        local += ", ended"
        return local

    kept = []
    for _ in keeper(3):
        pass
    for _ in keeper(2):
        break
    return [(f.f_code.co_name, sorted(f.f_locals), f.f_locals.get("local"), f.f_back, f.f_lineno - f.f_code.co_firstlineno) for f in kept]


def frame_objects_while_it_runs():
    def shown(n):
        for i in range(n):
            me = sys._getframe()
            yield me.f_back is sys._getframe().f_back, me.f_back.f_code.co_name

    log = []
    g = shown(3)
    for pair in g:
        log.append((pair, g.gi_frame.f_back, g.gi_frame.f_locals["i"]))
    return log


def failing(n):
    for i in range(n):
        yield i
    raise KeyError("end of %d" % n)


def through(n):
    yield from failing(n)


def tracebacks():
    texts = []
    for make in failing, through:
        try:
            for x in make(3):
                texts.append(x)
        except KeyError:
            texts.append(traceback.format_exc())
    return [t if isinstance(t, int) else t.replace(__file__, "FILE") for t in texts]


def clear_while_it_runs():
    def clearing():
        try:
            sys._getframe().clear()
        except RuntimeError as e:
            yield str(e)

    return [text for text in list(clearing())] + [text for text in clearing()]


for scenario in (
    frames_in_a_for,
    frames_in_yield_from,
    states_of_itself,
    delegates,
    frames_kept_after_the_end,
    frame_objects_while_it_runs,
    tracebacks,
    clear_while_it_runs,
):
    again(scenario)
