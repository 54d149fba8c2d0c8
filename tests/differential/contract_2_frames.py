"""The contract's second point: frames are exact whenever anyone can look, those of inlined callees, too."""

import sys
import traceback


def chain(limit=6):
    """What is to be seen of the calling frames: function, line, locals that are numbers."""
    frame, shown = sys._getframe(1), []
    while frame is not None and len(shown) < limit:
        numbers = sorted((k, v) for k, v in frame.f_locals.items() if type(v) in (int, float))
        shown.append((frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, numbers))
        frame = frame.f_back
    return shown


def leaf(x, when):
    y = x * 0.5
    if when:
        return chain()
    return y


def middle(x, when=False):
    z = x + 1
    found = leaf(z, when)
    return found


def looked_at_from_three_deep(n):
    total, seen = 0.0, []
    for i in range(n):
        j = i * i
        found = middle(j, i % 97 == 96)
        if type(found) is list:
            seen.append(found)
        else:
            total += found
    return total, seen


def keeps(x):
    a = x + 1
    b = a * 2
    return sys._getframe(), b


def kept_after_return(n):
    kept = []
    for i in range(n):
        frame, b = keeps(i)
        if i % 60 == 59:
            kept.append(frame)
    return [(f.f_locals["x"], f.f_locals["a"], f.f_locals["b"], f.f_lineno - f.f_code.co_firstlineno, f.f_back is None) for f in kept]


def fails(x):
    y = 10 // (x - 250)
    return y


def middle_of_failure(x):
    before = x + 1
    return fails(x) + before


def tracebacks_with_columns(n):
    text, total = "", 0
    for i in range(n):
        try:
            total += middle_of_failure(i)
        except ZeroDivisionError as error:
            text = "".join(traceback.format_exception(error))
            frames = [t for t in traceback.walk_tb(error.__traceback__)]
            total += sum(f.f_locals.get("i", 0) + f.f_locals.get("before", 0) for f, _ in frames)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("File")]
    return total, lines


def writes_to_locals_of_module(n):
    space = {}
    exec(compile("for i in range(%d):\n    x = i * 3\n    y = look()\n" % n, "<made>", "exec"), {"look": lambda: sys._getframe(1).f_locals["x"], "__builtins__": __builtins__}, space)
    return space["x"], space["y"]


def steps(n):
    for i in range(n):
        x = i + 1
        got = yield x
        if got:
            yield chain(2)


def in_generators(n):
    g = steps(n)
    total, shown = 0, None
    for i in range(n - 2):
        value = g.send("now" if i == n // 2 else None)
        if type(value) is list:
            shown = value
        else:
            total += value
        if i % 100 == 99:
            total += g.gi_frame.f_locals["x"] * 1000 + g.gi_frame.f_lineno - g.gi_frame.f_code.co_firstlineno
    return total, shown


def stack_of_exceptions(n):
    contexts = []
    for i in range(n):
        try:
            try:
                if i % 80 == 79:
                    raise KeyError(i)
                i / 1
            except KeyError as first:
                raise ValueError(i) from first
        except ValueError as error:
            contexts.append((error.args, error.__cause__.args, error.__context__ is error.__cause__, sys.exc_info()[1] is error))
    return contexts, sys.exc_info()


for function in looked_at_from_three_deep, kept_after_return, tracebacks_with_columns, writes_to_locals_of_module, in_generators, stack_of_exceptions:
    for _ in range(2):
        print(function.__name__, function(400))
