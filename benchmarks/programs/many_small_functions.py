"""Three hundred functions with short loops, each called a few times: mostly cold code, a worst case for warming up."""

source = """
def f{k}(n):
    t = {k}
    for i in range(n):
        t = (t * {m} + i) % 10007
        if t & {bit}:
            t += 1
    return t
"""
functions = []
for k in range(300):
    space = {}
    exec(source.format(k=k, m=k % 11 + 2, bit=1 << k % 5), space)
    functions.append(space["f%d" % k])


def iteration():
    total = 0
    for f in functions:
        total += f(30) + f(90)
    return total
