"""`del` of locals and cells in hot loops, UnboundLocalError with its text, conditional binding."""

import traceback


def deleted_then_read(turns):
    total = 0
    x = 1
    for i in range(turns):
        total += x
        if i == turns - 2:
            del x


def bound_in_one_branch(turns):
    total = 0
    for i in range(turns):
        if i < turns - 1:
            y = i
        else:
            del y
        # Not `total += y`: warm CPython reads both by one instruction and reports the position of the first.
        total = y + total
    return total


def never_bound(turns):
    caught = 0
    for i in range(turns):
        try:
            if i > turns:
                z = 1
            caught += z
        except UnboundLocalError as e:
            caught += 1
            text = str(e)
    return caught, text


def deletes_each_turn(turns):
    n = 0
    for i in range(turns):
        x = i
        y = x
        del x
        try:
            x
        except UnboundLocalError:
            n += y
        try:
            del x
        except UnboundLocalError as e:
            n += len(str(e))
    return n, sorted(locals())


def cell_deleted(turns):
    v = 0

    def read():
        return v

    total = 0
    for i in range(turns):
        v = i
        total += read()
        if i % 50 == 49:
            del v
            try:
                read()
            except NameError as e:
                total += len(str(e))
    del v
    read()


def loop_variable_deleted(turns):
    for i in range(turns):
        del i
    try:
        return i
    except UnboundLocalError as e:
        return str(e)


def swap_in_and_out(turns):
    a = 1
    out = []
    for i in range(turns):
        if i % 3 == 0:
            b = a
            del a
        elif i % 3 == 1:
            a = b + 1
            del b
        else:
            b = 0
        out.append("a" in locals())
    return out[-6:], sum(out)


print(never_bound(150), deletes_each_turn(150), loop_variable_deleted(200), swap_in_and_out(121))
for function in (deleted_then_read, bound_in_one_branch, cell_deleted):
    try:
        function(200)
    except NameError as e:
        print(traceback.format_exc())
        print(e.name, sorted(k for k in e.__traceback__.tb_next.tb_frame.f_locals))
