"""An exception raised in an inlined callee three deep: traceback text with columns, frames' locals, and the loop goes on."""

import traceback


class Stop(Exception):
    pass


def bottom(x):
    scaled = x * 3
    if scaled == 900:
        raise Stop("at %d" % x) from None
    return 1000 // (scaled - 897) + (
        scaled - 1)


def middle(x):
    doubled = x + x
    return bottom(doubled // 2) + doubled


def top(x):
    return 1 + middle(x) * 2


def run(start, turns):
    total = 0
    for i in range(turns):
        total += top(start + i)
    return total


def show(call, *args):
    try:
        print(call(*args))
    except Exception as e:
        print(traceback.format_exc())
        tb = e.__traceback__
        while tb:
            f = tb.tb_frame
            if f.f_code.co_name not in ("<module>", "show"):
                print(f.f_code.co_name, tb.tb_lineno, tb.tb_lasti, f.f_lineno, f.f_lasti, sorted(f.f_locals.items()))
            tb = tb.tb_next


show(run, 0, 290)
show(run, 0, 500)
show(run, 300, 10)
show(run, 301, 400)


def caught_in_callee(x):
    try:
        return bottom(x)
    except Stop as e:
        return -len(e.args[0])
    except ZeroDivisionError as e:
        return e.__traceback__.tb_next.tb_lineno


def keeps_going(turns):
    out = []
    for i in range(turns):
        out.append(caught_in_callee(i))
    return out[295:305], sum(out)


print(keeps_going(600))


def caught_in_loop(turns):
    caught = []
    total = 0
    for i in range(turns):
        try:
            total += top(295 + i % 10)
        except (Stop, ZeroDivisionError) as e:
            caught.append((i, type(e).__name__, len(traceback.extract_tb(e.__traceback__))))
    return total, len(caught), caught[:3], caught[-3:]


print(caught_in_loop(500))


def index_error(data, i):
    return data[i]


def type_error(data, i):
    return data[i % 3] + index_error(data, i % 3)


def attribute_error(data, turns):
    for i in range(turns):
        if i == turns - 1:
            data[1] = None
        r = type_error(data, i)


show(attribute_error, [1, 2, 3], 302)
show(index_error, [1], 1)
