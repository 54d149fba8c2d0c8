"""Asynchronous generators under `async for`, their own methods, and what may not leave them."""

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


class Pause:
    def __init__(self, value):
        self.value = value

    def __await__(self):
        got = yield self.value
        return got


def drive(coroutine):
    log = []
    try:
        while True:
            log.append(coroutine.send(None))
    except StopIteration as e:
        log.append(("returned", e.value))
    except Exception as e:
        log.append((type(e).__name__, str(e), [(entry.name, entry.lineno) for entry in traceback.extract_tb(e.__traceback__)], repr(e.__cause__)))
    return log


async def count(n, pause=()):
    for i in range(n):
        if i in pause:
            await Pause(("pause", i))
        yield i


async def squares(source):
    async for x in source:
        yield x * x


def in_loops():
    async def main():
        total = []
        async for x in squares(count(6, {2, 4})):
            total.append(x)
        else:
            total.append("else")
        total += [x async for x in count(4, {3}) if x % 2]
        total.append({x: y async for x, y in pairs(3)})
        return total

    async def pairs(n):
        async for x in count(n):
            yield x, -x

    return drive(main())


def exceptions_inside():
    async def fails(n, error):
        async for x in count(n, {1}):
            yield x
        raise error

    async def main(error):
        log = []
        try:
            async for x in fails(3, error):
                log.append(x)
        except KeyError as e:
            log.append(repr(e))
        return log

    return [drive(main(error)) for error in (KeyError("k"), ValueError("v"), StopIteration("s"), StopAsyncIteration("a"))]


def by_hand():
    async def echo():
        got = None
        try:
            while True:
                got = yield got
                await Pause(got)
        except ValueError as e:
            yield str(e)
        finally:
            await Pause("finally")

    async def main():
        g = echo()
        log = [await g.asend(None), await g.asend(1), await g.asend("x"), await g.athrow(ValueError("thrown"))]
        await g.aclose()
        try:
            await g.asend(1)
        except StopAsyncIteration:
            log.append("stopped")
        log.append((g.ag_running, g.ag_frame, g.ag_await))
        return log

    return drive(main())


def left_early():
    async def guarded(log):
        try:
            for i in range(5):
                yield i
        finally:
            log.append("finally")

    async def main():
        log = []
        g = guarded(log)
        async for x in g:
            log.append(x)
            if x == 2:
                break
        log.append("left")
        await g.aclose()
        log.append("closed")
        return log

    return drive(main())


def own_iterators():
    class Own:
        def __init__(self, n):
            self.n = n

        def __aiter__(self):
            return self

        async def __anext__(self):
            self.n -= 1
            if self.n < 0:
                raise StopAsyncIteration
            if self.n == 1:
                await Pause("own")
            return self.n

    async def main():
        return [x async for x in Own(4)]

    async def wrong():
        async for x in 5:
            pass

    return drive(main()), drive(wrong())


for scenario in in_loops, exceptions_inside, by_hand, left_early, own_iterators:
    again(scenario)
