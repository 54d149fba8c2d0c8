"""nonlocal cells written by inner functions while the outer hot loop reads them; cells kept alive; cell_contents changed from outside."""


def counter(turns):
    n = 0

    def bump(k):
        nonlocal n
        n += k

    total = 0
    for i in range(turns):
        bump(i % 3)
        total += n
        if i % 40 == 0:
            n = -n
    return total, n


def two_levels(turns):
    x = 0.0

    def outer():
        y = 1

        def inner():
            nonlocal x, y
            x += 0.5
            y += 1
            return y
        inner()
        return inner() + y

    s = 0
    for i in range(turns):
        s += outer()
    return s, x


def fresh_cells(turns):
    fs = []
    for i in range(turns):
        def f(i=i):
            return i + offset
        offset = i
        if i % 50 == 0:
            fs.append(f)
    return [f() for f in fs]


def cells_per_call(turns):
    def make(v):
        def get():
            return v

        def put(w):
            nonlocal v
            v = w
        return get, put

    keep = []
    total = 0
    for i in range(turns):
        get, put = make(i)
        put(get() * 2)
        total += get()
        if i % 60 == 0:
            keep.append((get, put))
    keep[0][1]("changed")
    return total, [g() for g, p in keep]


def contents(turns):
    x = 1

    def f():
        return x

    cell = f.__closure__[0]
    total = 0
    for i in range(turns):
        total += x
        if i == 100:
            cell.cell_contents = 10
        if i == 150:
            cell.cell_contents = 0.5
        total += f()
    return total, x


def loop_in_closure():
    state = {"n": 0}
    limit = 200

    def run():
        nonlocal limit
        while state["n"] < limit:
            state["n"] += 1
            if state["n"] == 100:
                limit = 300
        return state["n"], limit

    return run()


def accumulate():
    total = 0.0

    def add(x):
        nonlocal total
        total += x
        return total

    return add


print(counter(300), two_levels(150), fresh_cells(220), cells_per_call(200), contents(200), loop_in_closure())
a, b = accumulate(), accumulate()
for i in range(300):
    a(i * 0.5)
    if i % 3 == 0:
        b(1)
print(a(0), b(0))


def class_cell(turns):
    class K:
        def f(self):
            return __class__

        def g(self):
            return super().__eq__(self)

    k = K()
    n = 0
    for i in range(turns):
        n += k.f() is K and k.g() is True
    return n


print(class_cell(100))
