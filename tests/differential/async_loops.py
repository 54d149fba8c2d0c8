"""Coroutines, async generators, async comprehensions and asyncio tasks around and inside hot loops."""

import asyncio
import traceback


async def add(a, b):
    return a + b


async def loop(turns):
    total = 0
    for i in range(turns):
        total += await add(i, 1)
    return total


class Counter:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.n == 0:
            raise StopAsyncIteration
        self.n -= 1
        return self.n


async def agen(n):
    for i in range(n):
        if i % 50 == 0:
            await asyncio.sleep(0)
        yield i * 0.5


class Lock:
    depth = 0

    async def __aenter__(self):
        Lock.depth += 1
        return Lock.depth

    async def __aexit__(self, *exc):
        Lock.depth -= 1
        return exc[0] is ValueError


async def async_for(n):
    total = 0
    async for x in Counter(n):
        total += x
    async for x in agen(n):
        total += x
        if x > 70:
            break
    else:
        total += 1000000
    return total


async def comprehensions(n):
    a = [x async for x in Counter(n) if x % 2]
    b = {x: await add(x, x) async for x in Counter(20)}
    return sum(a), sum(b.values())


async def async_with(n):
    total = 0
    for i in range(n):
        async with Lock() as d:
            total += d
            if i % 7 == 0:
                raise ValueError
            total += 10
    return total


async def worker(name, n, log):
    x = 0
    for i in range(n):
        x += i
        if i % 60 == 59:
            log.append((name, i))
            await asyncio.sleep(0)
    return x


async def tasks():
    log = []
    results = await asyncio.gather(worker("a", 200, log), worker("b", 130, log), worker("c", 250, log))
    return results, log


async def fails(n):
    for i in range(n):
        await divide(n - 1 - i)


async def divide(d):
    return 1 // d


async def cancelled():
    async def forever():
        n = 0
        try:
            while True:
                n += 1
                if n % 50 == 0:
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            return n > 0
        return "left"

    task = asyncio.create_task(forever())
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    return await task


async def main():
    print(await loop(300), await async_for(200), await comprehensions(150), await async_with(100))
    print(await tasks())
    print(await cancelled())
    try:
        await fails(150)
    except ZeroDivisionError:
        text = traceback.format_exc()
        print(text[text.index("await fails"):])


asyncio.run(main())


def by_hand(n):
    """A coroutine driven without an event loop."""
    class Pause:
        def __await__(self):
            got = yield "paused"
            return got

    async def co():
        total = 0
        for i in range(n):
            total += await Pause()
        return total

    c = co()
    c.send(None)
    k = 0
    try:
        while True:
            k += 1
            c.send(k)
    except StopIteration as e:
        return e.value, k


print(by_hand(150))
