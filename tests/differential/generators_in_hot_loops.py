"""Generators that feed and are fed by hot loops: yield in a loop, send, throw, close, yield from, generator expressions, a generator left half-way."""

import traceback


def count(n):
    i = 0
    while i < n:
        yield i
        i += 1
    return "done"


def evens(source):
    for x in source:
        if x % 2 == 0:
            yield x


def squares(source):
    for x in source:
        yield x * x


def delegating(n):
    result = yield from count(n)
    yield result


def averager():
    total = 0.0
    n = 0
    value = None
    while True:
        value = yield (total / n if n else value)
        total += value
        n += 1


def resilient(log):
    i = 0
    while True:
        try:
            i += 1
            yield i
        except ValueError as e:
            log.append((i, str(e)))
        except GeneratorExit:
            log.append("closed at %d" % i)
            raise
        finally:
            if i % 100 == 0:
                log.append("finally %d" % i)


def pipeline(n):
    return sum(squares(evens(count(n))))


def sending(turns):
    g = averager()
    next(g)
    out = 0.0
    for i in range(turns):
        out += g.send(i * 0.5)
    return out.hex()


def throwing(turns):
    log = []
    g = resilient(log)
    total = 0
    for i in range(turns):
        total += next(g)
        if i % 70 == 69:
            total += g.throw(ValueError("turn %d" % i))
    g.close()
    return total, log


def left_halfway(turns):
    total = 0
    for i in range(turns):
        for x in count(10):
            if x == i % 12:
                break
            total += x
    return total


def two_at_once(n):
    a, b = count(n), squares(count(n))
    out = 0
    for x in a:
        y = next(b)
        out += y - x
        if x % 50 == 0:
            next(a, None)
            next(b, None)
    return out


def raises_inside(n):
    for i in count(n):
        yield 100 // (n - 2 - i)


def stop_iteration_value():
    g = count(150)
    while True:
        try:
            next(g)
        except StopIteration as e:
            return e.value


print(pipeline(500), list(delegating(200))[-2:], sending(300))
print(throwing(300))
print(left_halfway(150), two_at_once(300), stop_iteration_value())
try:
    for x in raises_inside(200):
        pass
except ZeroDivisionError:
    print(traceback.format_exc())
print(sum(x * 0.5 for x in range(400)), sum(i * j for i in range(25) for j in range(i)), max((x * 37 % 101, x) for x in range(300)))


def frame_of_generator():
    g = count(300)
    seen = []
    for x in g:
        if x % 90 == 89:
            seen.append((g.gi_frame.f_lineno - count.__code__.co_firstlineno, dict(g.gi_frame.f_locals), g.gi_frame.f_lasti, g.gi_running))
    return seen, g.gi_frame


print(frame_of_generator())


def already_executing():
    def g():
        for i in range(200):
            if i == 150:
                next(me)
            yield i

    me = g()
    return [x for x in me]


try:
    already_executing()
except ValueError:
    print(traceback.format_exc())
