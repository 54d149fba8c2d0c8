"""try/except/finally around, inside and between hot loops; re-raise, chaining, `sys.exc_info`, the name unbound after `except`."""

import sys
import traceback


def inside(turns):
    log = []
    total = 0
    for i in range(turns):
        try:
            if i % 50 == 49:
                raise KeyError(i)
            total += 1000 // (i % 60 - 30)
        except ZeroDivisionError as e:
            log.append(str(e))
        except KeyError as e:
            log.append(e.args[0])
        else:
            total += 1
        finally:
            total += 2
    return total, log[:4], len(log), sys.exc_info()


def outside(turns):
    i = 0
    try:
        while True:
            i += 1
            if i == turns:
                raise ValueError("enough")
    except ValueError as e:
        return i, str(e), e.__traceback__.tb_lineno - outside.__code__.co_firstlineno


def finally_overrides(turns):
    n = 0
    for i in range(turns):
        try:
            if i % 3 == 0:
                continue
            if i == turns - 2:
                break
            n += 1
        finally:
            n += 10
    return n


def return_in_finally(i):
    try:
        return 1 // (i % 4)
    finally:
        if i % 8 == 4:
            return -1


def name_is_unbound(turns):
    e = None
    for i in range(turns):
        try:
            if i % 2:
                raise ValueError(i)
        except ValueError as e:
            pass
        try:
            e
        except UnboundLocalError as u:
            text = str(u)
        e = i
    return text, e


def chained(turns):
    for i in range(turns):
        try:
            try:
                1 // (turns - 1 - i)
            except ZeroDivisionError as e:
                raise RuntimeError("wrapped %d" % i) from e
        except RuntimeError:
            return traceback.format_exc()


def context(turns):
    for i in range(turns):
        try:
            {}[i]
        except KeyError:
            if i == turns - 1:
                [][i]


def reraise(turns):
    count = 0
    for i in range(turns):
        try:
            try:
                raise OSError(i)
            except OSError:
                count += 1
                if i % 3:
                    raise
        except OSError as e:
            count += e.args[0]
    return count


def handled_while_looping(turns):
    """A hot loop inside an `except` block: exc_info stays what it was."""
    try:
        raise LookupError("outer")
    except LookupError:
        n = 0
        for i in range(turns):
            try:
                if i % 2:
                    raise ValueError(i)
            except ValueError:
                n += sys.exc_info()[1].args[0]
            if sys.exc_info()[0] is not LookupError:
                n += 1000000
        return n


print(inside(400))
print(outside(500))
print(finally_overrides(300))


def collect(turns):
    out = []
    for i in range(turns):
        try:
            out.append(return_in_finally(i))
        except ZeroDivisionError:
            out.append("zero")
    return out[:10], len(out), out.count("zero")


print(collect(200))
print(name_is_unbound(100))
print(chained(200))
try:
    context(100)
except IndexError:
    print(traceback.format_exc())
print(reraise(200))
print(handled_while_looping(200))
print(sys.exc_info())


def group(turns):
    n = 0
    for i in range(turns):
        try:
            raise ExceptionGroup("g", [ValueError(i), TypeError(i)] if i % 2 else [TypeError(i)])
        except* ValueError as g:
            n += len(g.exceptions)
        except* TypeError as g:
            n += 100
    return n


print(group(60))
