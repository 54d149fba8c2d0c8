"""Generators, comprehensions and closures in hot loops; a coroutine."""


def pairs(n):
    for i in range(n):
        yield i, i * 0.5


async def answer(i):
    return i + 1


async def main_coroutine(n):
    total = 0
    for i in range(n):
        total += await answer(i)
    return total


def main():
    total = 0
    for i, x in pairs(200):
        total += i + x
    scale = 3
    total += sum(v * scale for v in [k + 1 for k in range(150)])
    try:
        main_coroutine(150).send(None)
    except StopIteration as stop:
        total += stop.value
    return total
