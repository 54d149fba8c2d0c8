"""An exception raised in a callee and caught in the loop in every tenth turn."""


class Missing(Exception):
    pass


def look_up(i):
    if i % 10 == 0:
        raise Missing(i)
    return i


def loop(n):
    total = missed = 0
    for i in range(n):
        try:
            total += look_up(i)
        except Missing:
            missed += 1
    return total, missed


def iteration():
    return loop(150000)
