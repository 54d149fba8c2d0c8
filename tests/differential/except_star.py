"""`except*`: what a `try` raises at its end, from parts that were handled, raised anew, raised again, or left."""

import traceback


def describe(exception):
    inner = [describe(member) for member in exception.exceptions] if isinstance(exception, BaseExceptionGroup) else []
    lines = [line - frame.f_code.co_firstlineno for frame, line in traceback.walk_tb(exception.__traceback__)]
    return (repr(exception), repr(exception.__context__), repr(exception.__cause__), exception.__suppress_context__, lines, inner)


def raised_alone():
    try:
        raise ExceptionGroup("group", [TypeError(1)])
    except* TypeError:
        raise ValueError(2)


def raised_with_rest():
    try:
        raise ExceptionGroup("group", [TypeError(1), OSError(3)])
    except* TypeError:
        raise ValueError(2)


def raised_and_raised_again():
    try:
        raise ExceptionGroup("group", [TypeError(1), OSError(3)])
    except* TypeError:
        raise ValueError(2)
    except* OSError:
        raise


def raised_twice():
    try:
        raise ExceptionGroup("group", [TypeError(1), OSError(3)])
    except* TypeError:
        raise ValueError(2) from None
    except* OSError as group:
        raise KeyError(4) from group


def bare_raised():
    try:
        raise TypeError(1)
    except* TypeError:
        raise ValueError(2)


def bare_raised_again():
    try:
        raise TypeError(1)
    except* TypeError:
        raise


def bare_unhandled():
    try:
        raise TypeError(1)
    except* ValueError:
        raise


def nested():
    try:
        raise ExceptionGroup("group", [TypeError(1), ExceptionGroup("inner", [OSError(3), TypeError(5)])])
    except* TypeError as group:
        raise group
    except* OSError:
        raise


def all_handled():
    try:
        raise ExceptionGroup("group", [TypeError(1), OSError(3)])
    except* TypeError:
        pass
    except* OSError:
        pass
    return "all handled"


def exits():
    try:
        raise BaseExceptionGroup("group", [TypeError(1), KeyboardInterrupt(3)])
    except* TypeError:
        raise SystemExit(2)
    except* KeyboardInterrupt:
        raise


def in_a_loop():
    seen = []
    for turn in range(200):
        try:
            try:
                members = [TypeError(turn), OSError(turn)]
                raise ExceptionGroup("group", members[: 1 + turn % 2])
            except* TypeError:
                if turn % 3:
                    raise ValueError(turn)
        except Exception as error:
            seen.append(repr(error))
    return len(seen), seen[:4], seen[-4:]


def uncaught():
    try:
        raise ExceptionGroup("group", [TypeError(1), OSError(3), TypeError(5)])
    except* TypeError as group:
        raise ValueError(len(group.exceptions))


CASES = [
    raised_alone, raised_with_rest, raised_and_raised_again, raised_twice, bare_raised, bare_raised_again, bare_unhandled,
    nested, all_handled, exits, in_a_loop,
]
for function in CASES:
    for _ in range(3):
        try:
            print(function.__name__, function())
        except BaseException as exception:
            print(function.__name__, describe(exception))
uncaught()
