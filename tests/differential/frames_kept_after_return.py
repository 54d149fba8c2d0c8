"""Frame objects taken in hot code and looked at later: their locals, line, f_back, while running and after the return."""

import sys

kept = []


def leaf(x):
    y = x * 2
    if x % 50 == 0:
        kept.append(sys._getframe())
    y += 1
    return y


def branch(x):
    z = leaf(x) + 1
    return z


def run(turns):
    total = 0
    for i in range(turns):
        total += branch(i)
    return total


def plain(mapping):
    return sorted((k, v) for k, v in mapping.items() if isinstance(v, (int, float, str)))


print(run(220))
for frame in kept:
    print(frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti, plain(frame.f_locals), frame.f_back and frame.f_back.f_code.co_name)
del kept[:]


def own_frame(turns):
    frame = sys._getframe()
    log = []
    x = 0.5
    for i in range(turns):
        x += i
        if i % 40 == 39:
            log.append((frame.f_lineno - frame.f_code.co_firstlineno, plain(frame.f_locals)))
    return log, frame


log, frame = own_frame(200)
print(log)
print(frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti, plain(frame.f_locals), frame.f_back and frame.f_back.f_code.co_name)


def parent_frame(turns):
    """f_back kept in an inlined callee, looked at many turns later."""
    total = 0
    for i in range(turns):
        total += keeps_parent(i)
    return total


def keeps_parent(i):
    if i == 30:
        kept.append(sys._getframe().f_back)
    if i == 170:
        f = kept[0]
        kept.append((f.f_lineno - f.f_code.co_firstlineno, plain(f.f_locals)))
    return i


print(parent_frame(200), kept[1], plain(kept[0].f_locals), kept[0].f_back.f_code.co_name)
del kept[:]


def raises(i):
    w = i * 0.5
    if i % 60 == 59:
        raise ValueError(i)
    return w


def tracebacks(turns):
    saved = []
    total = 0
    for i in range(turns):
        try:
            total += raises(i)
        except ValueError as e:
            saved.append(e.__traceback__)
    return saved


for tb in tracebacks(200):
    print([(t.tb_frame.f_code.co_name, t.tb_lasti, plain(t.tb_frame.f_locals)) for t in (tb, tb.tb_next)])


def cleared(turns):
    """frame.clear() of a finished frame drops its locals at once."""
    class Mortal:
        def __del__(self):
            dead.append(1)

    dead = []

    def makes(i):
        m = Mortal()
        return sys._getframe() if i % 10 == 0 else None

    early = 0
    for i in range(turns):
        f = makes(i)
        before = len(dead)
        if f:
            f.clear()
            early += len(dead) - before
    return len(dead), early


print(cleared(150))


def running_clear(turns):
    errors = 0
    for i in range(turns):
        try:
            sys._getframe().clear()
        except RuntimeError as e:
            errors += 1
            text = str(e)
    return errors, text


print(running_clear(100))


def generator_frames(n):
    def g():
        for i in range(n):
            yield i
    it = g()
    for x in it:
        if x == n - 50:
            break
    f = it.gi_frame
    before = plain(f.f_locals)
    it.close()
    return before, plain(f.f_locals), it.gi_frame


print(generator_frames(150))


def locals_in_loop(turns):
    total = 0
    snapshots = []
    for i in range(turns):
        d = locals()
        if i % 70 == 0:
            snapshots.append(dict((k, v) for k, v in d.items() if isinstance(v, int)))
        total += d["i"] + len(d)
    return total, snapshots, d is locals()


print(locals_in_loop(200))


def vars_dir_eval(turns):
    a = 1
    total = 0
    for i in range(turns):
        total += vars()["i"] + len(dir()) + eval("a + i")
        exec("a = 5")
    return total


print(vars_dir_eval(80))
