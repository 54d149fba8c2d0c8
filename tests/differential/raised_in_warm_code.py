"""Exceptions in code that is warm: lines and instructions of tracebacks, handlers, what is raised again, metaclasses that have their own view."""

import sys
import traceback


class Asked(type):
    """Tells who asks which classes are its subclasses."""

    asked = 0

    def __subclasscheck__(cls, other):
        Asked.asked += 1
        return super().__subclasscheck__(other)

    def __instancecheck__(cls, other):
        Asked.asked += 1
        return super().__instancecheck__(other)


class Odd(Exception, metaclass=Asked):
    pass


class Even(ValueError):
    pass


def places(e):
    """Line, within the function, and instruction of each entry."""
    found = []
    entry = e.__traceback__
    while entry is not None:
        found.append((entry.tb_frame.f_code.co_name, entry.tb_lineno - entry.tb_frame.f_code.co_firstlineno, entry.tb_lasti))
        entry = entry.tb_next
    return found


def several_lines(i, d, items):
    if i % 3 == 0:
        return d[i]
    if i % 3 == 1:
        return items[
            i + 10
        ]
    raise (Odd if i % 2 else Even)(i)


def caught(i):
    try:
        return several_lines(i, {}, [])
    except (KeyError, IndexError) as e:
        return places(e), repr(e)
    except Even as e:
        return places(e), "even", e.args
    except Odd as e:
        return places(e), "odd", e.args


def through_finally(i, log):
    try:
        try:
            try:
                return 1 // (i % 4)
            finally:
                log.append(i)
        except TypeError:
            log.append("never")
        finally:
            log.append(-i)
    except ZeroDivisionError as e:
        return places(e)


def again(i):
    try:
        try:
            raise Odd(i) if i % 2 else Even(i)
        except Odd:
            raise
        except Even as e:
            raise LookupError(i) from e
    except (Odd, LookupError) as e:
        return places(e), repr(e.__cause__), repr(e.__context__), e.__suppress_context__


class Manager:
    def __init__(self, swallow):
        self.swallow = swallow

    def __enter__(self):
        return self

    def __exit__(self, kind, value, entries):
        self.seen = kind, value.args, places(value), entries is value.__traceback__
        return self.swallow


def managed(i):
    try:
        with Manager(i % 2) as m:
            {}[i]
    except KeyError as e:
        return places(e), m.seen
    return m.seen


def not_a_class(i):
    try:
        try:
            {}[i]
        except (KeyError, "text") if i % 2 else 5:
            return "never"
    except TypeError as e:
        return str(e), repr(e.__context__), places(e)


def handled_now(i):
    try:
        {}[i]
    except KeyError:
        inside = repr(sys.exc_info()[1])
        try:
            [][i]
        except IndexError:
            inside += repr(sys.exc_info()[1])
        return inside, repr(sys.exc_info()[1]), sys.exc_info()[2] is sys.exc_info()[1].__traceback__


def replaced_traceback(i):
    try:
        try:
            {}[i]
        except KeyError as e:
            e.__traceback__ = None
            raise
    except KeyError as e:
        return places(e)


def generator(i):
    try:
        yield i
        yield {}[i]
    except KeyError as e:
        yield places(e)
    raise Even(i)


def from_generator(i):
    try:
        return [*generator(i)]
    except Even as e:
        return places(e)


def main():
    log = []
    for f in caught, again, managed, not_a_class, handled_now, replaced_traceback, from_generator:
        results = [f(i) for i in range(120)]
        print(f.__name__, results[:7], hash(repr(results[7:])) == hash(repr([f(i) for i in range(7, 120)])))
        print(results[-6:], Asked.asked)
    print([through_finally(i, log) for i in range(90)][-5:], log[-9:], sum(filter(lambda x: x != "never", log)))
    try:
        for i in range(100):
            several_lines(i * 3 + 2 * (i > 97), {i * 3: i}, [])
    except Exception as e:
        print(traceback.format_exc().replace(__file__, "program"), places(e))


main()
