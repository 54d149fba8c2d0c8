"""Module globals that a callee changes, deletes or shadows in the middle of a hot loop."""

import traceback

scale = 2
step = 1
table = [1, 2, 3]


def bump(i):
    global scale, step, table
    if i % 100 == 50:
        scale += 1
    if i == 250:
        step = 0.5
    if i == 300:
        table = [10, 20, 30]
    if i == 350:
        globals()["len"] = lambda x: 1000
    if i == 400:
        del globals()["len"]


def run(turns):
    total = 0
    for i in range(turns):
        total += i * scale + step + table[i % 3] + len(table)
        bump(i)
    return total


print(repr(run(500)), scale, step)


def helper(x):
    return x + 1


def replace(i):
    global helper
    if i == 150:
        def helper(x):
            return x + 1000
    if i == 200:
        helper = len
    if i == 250:
        helper = str.upper


def calls(turns):
    out = []
    for i in range(turns):
        arg = i if i <= 200 else ("ab" if i <= 250 else "cd")
        out.append(helper(arg))
        replace(i)
    return out[148:153], out[199:204], out[249:254]


print(calls(300))

gone = 5


def drop(i):
    if i == 180:
        del globals()["gone"]


def vanishes(turns):
    total = 0
    for i in range(turns):
        total += gone
        drop(i)
    return total


try:
    vanishes(300)
except NameError as e:
    print(traceback.format_exc())
    print(e.name, e.__traceback__.tb_next.tb_frame.f_locals)

counter = 0


def increments(turns):
    global counter
    for i in range(turns):
        counter += 1
        if i % 90 == 0:
            globals()["counter"] += 1000
    return counter


print(increments(300), counter)


def many_new_globals(turns):
    """The module's dict grows and is resized under the loop."""
    total = 0
    for i in range(turns):
        globals()["g%d" % i] = i
        total += scale + globals()["g%d" % (i // 2)]
    return total


print(many_new_globals(400))
