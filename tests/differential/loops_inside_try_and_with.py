"""Hot loops inside try and with blocks; context managers entered each turn; __exit__ that swallows; nested."""

import contextlib
import traceback


class Manager:
    def __init__(self, swallow=False):
        self.entered = self.left = 0
        self.swallow = swallow
        self.kinds = set()

    def __enter__(self):
        self.entered += 1
        return self.entered

    def __exit__(self, kind, value, tb):
        self.left += 1
        self.kinds.add(kind.__name__ if kind else None)
        return self.swallow


def loop_in_with(turns):
    m = Manager()
    total = 0
    with m as first:
        for i in range(turns):
            total += i * first
    return total, m.entered, m.left


def with_in_loop(turns):
    m = Manager(True)
    total = 0
    for i in range(turns):
        with m as n:
            total += n
            if i % 10 == 3:
                continue
            if i % 10 == 5:
                raise ValueError(i)
            if i == turns - 2:
                break
            total += 1000
    return total, m.entered, m.left, sorted(map(str, m.kinds)), i


def return_from_with(m, i):
    with m:
        for k in range(5):
            if k == i % 7:
                return k
    return -1


def returns(turns):
    m = Manager()
    total = 0
    for i in range(turns):
        total += return_from_with(m, i)
    return total, m.left


@contextlib.contextmanager
def managed(log):
    log.append("in")
    try:
        yield len(log)
    except KeyError as e:
        log.append(str(e))
    finally:
        log.append("out")


def generator_managers(turns):
    log = []
    total = 0
    for i in range(turns):
        with managed(log) as a, contextlib.suppress(IndexError), contextlib.nullcontext(i) as b:
            total += a + b
            if i % 3 == 0:
                raise KeyError(i)
            if i % 5 == 0:
                [][0]
    return total, len(log), log[:5], log[-4:]


def loop_in_try(turns):
    data = [1] * (turns - 5)
    total = 0
    try:
        for i in range(turns):
            total += data[i]
    except IndexError:
        for k in range(turns):
            total += k
    finally:
        while total % 7:
            total += 1
    return total


def escapes(turns):
    m = Manager()
    with m:
        for i in range(turns):
            with m:
                if i == turns - 1:
                    raise RuntimeError(i)


def no_manager(turns):
    for i in range(turns):
        with (Manager() if i < turns - 1 else 5):
            pass


print(loop_in_with(200), with_in_loop(150), returns(150), generator_managers(100), loop_in_try(200))
for function in (escapes, no_manager):
    try:
        function(150)
    except (RuntimeError, TypeError):
        print(traceback.format_exc())


def nested_finally(turns):
    log = 0
    for i in range(turns):
        try:
            try:
                if i % 4 == 0:
                    raise ValueError
                if i % 4 == 1:
                    continue
                log += 1
            finally:
                log += 10
                try:
                    if i % 8 == 0:
                        raise KeyError
                except KeyError:
                    log += 100
        except ValueError:
            log += 1000
        else:
            log += 10000
    return log


print(nested_finally(200))
