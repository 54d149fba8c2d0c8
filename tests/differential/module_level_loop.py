"""Hot loops at module level, in a class body and in exec'd code: the variables are globals or names in a namespace."""

total = 0
x = 1.0
for i in range(500):
    total += i * 2
    x = x * 1.001
    if i % 100 == 99:
        print(i, total, x.hex())

i = 0
while i < 400:
    i += 1
    if i % 3 == 0:
        continue
    for j in range(3):
        total -= j * i
    if i == 390:
        break
print(i, j, total)


def change():
    global total
    total = 0.5


for k in range(300):
    total += 1
    if k == 200:
        change()
print(repr(total))

for key in range(200):
    globals()["name%d" % key] = key
    total += globals()["name%d" % (key // 2)]
print(total, name7, len([n for n in globals() if n.startswith("name")]))


class Body:
    squares = []
    total = 0
    for n in range(300):
        squares.append(n * n)
        total += squares[-1] % 7
    else:
        finished = True
    x = x
    while total > 100:
        total -= 3
        x = x * 1.5 if x < 10 else x - 7


print(Body.n, Body.total, Body.finished, Body.x.hex(), sum(Body.squares))


class Namespace(dict):
    """A namespace that counts its look-ups."""

    gets = sets = 0

    def __getitem__(self, key):
        Namespace.gets += 1
        return dict.__getitem__(self, key)

    def __setitem__(self, key, value):
        Namespace.sets += 1
        dict.__setitem__(self, key, value)


class Meta(type):
    @classmethod
    def __prepare__(cls, name, bases):
        return Namespace()


class Counted(metaclass=Meta):
    total = 0
    for n in range(150):
        total += n


print(Counted.total, Namespace.gets, Namespace.sets)

source = """
t = 0
for i in range(250):
    t += i
    if i == 150:
        t = float(t)
"""
for _ in range(3):
    space = {}
    exec(source, space)
    print(space["t"], space["i"])
space = Namespace()
exec(source, {}, space)
print(space["t"], space.gets, space.sets)

code = compile("sum(v * k for v in range(50))", "expression", "eval")
print(sum(eval(code, {"k": k}) for k in range(60)))


def exec_in_function(turns):
    out = 0
    for i in range(turns):
        d = {"i": i}
        exec("r = i * 2\nfor q in range(3): r += q", d)
        out += d["r"]
    return out


print(exec_in_function(60))

del i
try:
    for j in range(100):
        if j == 90:
            i
except NameError as e:
    print(e)
