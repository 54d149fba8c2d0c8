"""Coroutines that await coroutines, generators and other awaitables: results, exceptions, cancelling, states, what can't be awaited."""

import inspect
import sys
import traceback
import types
import warnings

TURNS = 60
warnings.simplefilter("ignore")


def again(scenario):
    """Prints what the scenario tells, whenever it tells something else than in the turn before."""
    told = None
    for turn in range(TURNS):
        now = scenario()
        if now != told:
            print(scenario.__name__, turn, now)
            told = now


class Pause:
    def __init__(self, value):
        self.value = value

    def __await__(self):
        got = yield self.value
        return got


def drive(coroutine, sends=()):
    """Runs it: what it yields, and how it ends."""
    log = []
    sends = list(sends)
    try:
        log.append(coroutine.send(None))
        while True:
            log.append(coroutine.send(sends.pop(0) if sends else None))
    except StopIteration as e:
        log.append(("returned", e.value))
    except Exception as e:
        log.append((type(e).__name__, str(e), [(entry.name, entry.lineno) for entry in traceback.extract_tb(e.__traceback__)]))
        if e.__cause__:
            log.append(("cause", repr(e.__cause__)))
    return log


async def leaf(n):
    return n * 2


async def paused(n):
    first = await Pause(("pause", n))
    second = await Pause(first)
    return n, first, second


async def tree(n):
    if n < 2:
        return n
    return await tree(n - 1) + await tree(n - 2)


def results():
    async def main():
        a = await leaf(3)
        b = await tree(7)
        c = await paused("c")
        return a, b, c

    return drive(main()), drive(main(), ["x", "y"])


def exceptions():
    async def fails(n):
        if n:
            return await fails(n - 1)
        await Pause("before")
        raise KeyError("bottom")

    async def stops():
        await Pause("s")
        raise StopIteration("mine")

    async def main(make, catch):
        try:
            return await make
        except catch as e:
            return "caught", repr(e), repr(sys.exc_info()[1])

    return (
        drive(main(fails(3), KeyError)),
        drive(main(fails(3), ValueError)),
        drive(main(stops(), RuntimeError)),
        drive(main(stops(), ValueError)),
    )


def cancelled():
    async def resists(log):
        try:
            await Pause(1)
        except ValueError as e:
            log.append(str(e))
            log.append((await paused("again")))
        finally:
            log.append("finally")
        return "end"

    async def main(log):
        return await resists(log)

    log = []
    c = main(log)
    log.append(c.send(None))
    log.append((c.cr_await.__name__, inspect.getcoroutinestate(c), inspect.getcoroutinestate(c.cr_await)))
    log.append(c.throw(ValueError("cancel")))
    log.append(drive(c, ["p", "q"]))
    c = main(log)
    c.send(None)
    c.close()
    log.append(inspect.getcoroutinestate(c))
    return log


def states():
    async def looks(log):
        log.append((inspect.getcoroutinestate(outer), outer.cr_running, outer.cr_await and outer.cr_await.__name__))
        await Pause("p")
        log.append((outer.cr_frame.f_code.co_name, sys._getframe().f_back is outer.cr_frame, sys._getframe().f_back.f_lasti))
        return 1

    async def main(log):
        return await looks(log)

    log = []
    outer = main(log)
    log.append(inspect.getcoroutinestate(outer))
    log.append(outer.send(None))
    log.append((outer.cr_await.__name__, outer.cr_await.cr_running, outer.cr_suspended))
    log.append(drive(outer)[0][:2])
    log.append((inspect.getcoroutinestate(outer), outer.cr_frame, outer.cr_await))
    return log


def not_to_be_awaited():
    async def awaits(x):
        return await x

    async def twice():
        c = paused(1)
        first = awaits(c)
        first.send(None)
        try:
            await awaits(c)
        except RuntimeError as e:
            log.append(str(e))
        first.close()
        try:
            await c
        except RuntimeError as e:
            log.append(str(e))

    async def itself():
        return await running

    log = []
    drive(twice())
    for x in 5, None, iter(()), [1]:
        log.append(drive(awaits(x))[0][:2])
    running = itself()
    log.append(drive(running)[0][:2])

    def yields_from_a_coroutine():
        yield from leaf(1)

    try:
        for x in yields_from_a_coroutine():
            pass
    except TypeError as e:
        log.append(str(e))
    return log


def generator_based():
    @types.coroutine
    def pause(n):
        got = yield n
        return got, n

    async def main():
        return await pause(1), await pause(2)

    return drive(main(), ["a", "b"])


def context_managers():
    class Manager:
        async def __aenter__(self):
            return await paused("enter")

        async def __aexit__(self, kind, value, trace):
            await Pause(("exit", kind and kind.__name__))
            return kind is KeyError

    async def main(error):
        async with Manager() as m:
            if error:
                raise error("in the body")
            return m
        return "swallowed"

    return [drive(main(error), [1, 2]) for error in (None, KeyError, ValueError)]


for scenario in results, exceptions, cancelled, states, not_to_be_awaited, generator_based, context_managers:
    again(scenario)
