"""What a callee of a hot loop sees of its callers through sys._getframe: names, lines, instructions, locals, globals, code."""

import sys

seen = []


def look(mark):
    frame = sys._getframe(1)
    while frame.f_code.co_name != "<module>":
        seen.append((mark, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti,
                     sorted((k, v if not callable(v) else "callable") for k, v in frame.f_locals.items())))
        frame = frame.f_back


def show(function, *args):
    del seen[:]
    print(function.__name__, function(*args), len(seen))
    for entry in seen[:3] + seen[-4:]:
        print("   ", entry)


def each_turn(turns):
    total = 0
    x = 0.5
    for i in range(turns):
        x = x * 1.0078125
        total += i
        look("each")
        total -= 1
    return total, x.hex()


def rarely(turns):
    total = 0
    x = 0.0
    swap = (1, 2.0)
    for i in range(turns):
        a, b = swap
        swap = (a + 1, b * 0.5)
        x += b
        if i % 64 == 40:
            look("rare")
        total += a
    return total, x


def inner(p, q):
    r = p + q
    if p % 50 == 49:
        look("inner")
    return r


def middle(p):
    half = p * 0.5
    return inner(p, half) + half


def through_inlined_calls(turns):
    total = 0.0
    for i in range(turns):
        total += middle(i) + middle(i + 1)
    return total


def in_expression(turns):
    """With values on the evaluation stack."""
    total = 0
    for i in range(turns):
        total = total + i * (i + (look("expression") or 1)) - [i, look("list") or 2][1]
    return total


def unbound(turns):
    for i in range(turns):
        if i % 2:
            y = i
            look("bound")
            del y
        else:
            look("unbound")


def cells(turns):
    v = 0

    def bump():
        nonlocal v
        v += 1
        if v % 40 == 0:
            look("cell")

    for i in range(turns):
        bump()
    return v


def while_loop(turns):
    i = 0
    while i < turns:
        i += 1; look("a") if i % 33 == 0 else None; j = i; look("b") if i % 33 == 0 else None
    return i


def generator(turns):
    for i in range(turns):
        if i % 30 == 0:
            look("generator")
        yield i


def over_generator(turns):
    s = 0
    for g in generator(turns):
        s += g
    return s


def local_names():
    n = []
    for i in range(120):
        f = sys._getframe()
        if i % 30 == 0:
            n.append((f.f_locals["i"], f.f_lineno - f.f_code.co_firstlineno, f is sys._getframe(), f.f_globals is globals(), f.f_code is local_names.__code__))
    return n


show(each_turn, 150)
show(rarely, 300)
show(through_inlined_calls, 200)
show(in_expression, 80)
show(unbound, 80)
show(cells, 200)
show(while_loop, 200)
show(over_generator, 150)
print(local_names())


def caller_locals(turns):
    """A callee that reads one of our locals by name each turn."""
    total = 0
    for i in range(turns):
        value = i * 3
        total += peek("value") - peek("i")
    return total


def peek(name):
    return sys._getframe(1).f_locals[name]


print(caller_locals(200))


def same_frame_object(turns):
    first = frame_of_caller()
    same = 0
    for i in range(turns):
        same += frame_of_caller() is first
    first = None
    return same


def frame_of_caller():
    return sys._getframe(1)


print(same_frame_object(150))


def writes_to_f_locals(turns):
    """Writing into f_locals of an optimised frame changes nothing."""
    x = 1
    total = 0
    for i in range(turns):
        sys._getframe().f_locals["x"] = 100
        total += x
    return total


print(writes_to_f_locals(150))
