"""Functions of more code units than 16 bits can number, and of nearly as many, with jumps across all of it."""


def make(name, statements):
    lines = ["def %s(n):" % name, "    total = 0", "    for i in range(n):", "        if i % 3 == 1:"]
    lines += ["            total += %d" % (k % 1000) for k in range(statements)]
    lines += ["        else:", "            total -= 1", "        if total < 0:", "            continue"]
    lines += ["        try:", "            total += 1 // (i % 7)", "        except ZeroDivisionError:", "            total ^= 1"]
    lines += ["    return total"]
    namespace = {}
    exec("\n".join(lines), namespace)
    return namespace[name]


for name, statements in ("longer", 14_000), ("nearly", 11_350), ("shorter", 6_000):
    function = make(name, statements)
    units = len(function.__code__.co_code) // 2
    print(name, units > 65_536, units > 64_000, function(200), function(1), function(2))
    print([function(n) for n in range(60)][-3:])
