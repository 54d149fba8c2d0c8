"""Exceptions raised and handled in hot loops, also in inlined calls and in groups; calls with more arguments than are copied without memory."""


def checked(n):
    if n % 7 == 3:
        raise ValueError(n)
    return n


def many(*args, **kwargs):
    return len(args) + sum(kwargs.values())


def main():
    total = 0
    for i in range(150):
        try:
            total += checked(i) + 10 // (i % 5)
        except ZeroDivisionError:
            total -= 1
        except ValueError as error:
            total += error.args[0]
    for i in range(60):
        try:
            raise ExceptionGroup("", [ValueError(i), KeyError(i), ValueError(2)])
        except* ValueError as group:
            total += len(group.exceptions)
        except* KeyError:
            total += 1
    names = {f"k{k}": k for k in range(20)}
    for i in range(40):
        total += many(*range(i), **names)
    return total
