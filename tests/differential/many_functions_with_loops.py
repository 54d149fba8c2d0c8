"""A hundred different functions with hot loops, made by exec and closures, some thrown away, some shared code with other globals."""

import gc

source = """
def f{k}(turns):
    total = {k}
    x = {k} * 0.5
    for i in range(turns):
        total = (total * {m} + i) % 10007
        if i % {p} == 0:
            x += total
        else:
            x *= 0.75
    return total, x.hex()
"""

functions = []
for k in range(100):
    space = {}
    exec(source.format(k=k, m=k % 7 + 2, p=k % 4 + 2), space)
    functions.append(space["f%d" % k])
results = [f(60) for f in functions]
again = [f(60) for f in functions]
print(results == again, results[::9])

# Thrown away: code objects die, others take their place in memory.
digest = 0
for k in range(150):
    space = {}
    exec(source.format(k=k, m=k % 5 + 2, p=3), space)
    digest = (digest * 31 + space["f%d" % k](40)[0]) % 1000003
    del space
print(digest)


def make(k):
    def closure(turns):
        total = 0
        for i in range(turns):
            total += i * k
        return total
    return closure


closures = [make(k) for k in (1, 2, 0.5, "x", [1], 1 << 62)]
for c in closures[:3] + closures[5:]:
    print(c(100))
for c in closures[3:5]:
    try:
        print(c(100))
    except TypeError as e:
        print(e)


def template(turns):
    total = 0
    for i in range(turns):
        total += scale * i + len(name)
    return total


made = []
for k in range(20):
    space = {"scale": k if k % 2 else k * 0.25, "name": "n" * k, "__builtins__": __builtins__}
    made.append(type(template)(template.__code__, space))
print([f(60) for f in made])

first = functions[0].__code__
variants = []
for k in range(10):
    code = first.replace(co_consts=tuple(c + k if type(c) is int and c == 10007 else c for c in first.co_consts))
    variants.append(type(template)(code, {"range": range}))
print([v(80)[0] for v in variants])

del functions, made, variants, space
gc.collect()


def nested_definitions(turns):
    total = 0
    for i in range(turns):
        def g(n):
            s = 0
            for j in range(n):
                s += j * i
            return s
        total += g(i % 10) + (lambda q: q + i)(1)
    return total


print(nested_definitions(120))
