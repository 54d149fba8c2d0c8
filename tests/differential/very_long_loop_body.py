"""Loop bodies of a thousand statements, of hundreds of branches, and with hundreds of calls: too long for one trace."""

space = {}


def build(name, lines):
    source = "def %s(turns):\n    a = b = 1\n    x = 0.5\n    for i in range(turns):\n" % name
    source += "\n".join("        " + line for line in lines) + "\n    return a, b, x.hex()\n"
    exec(compile(source, name, "exec"), space)
    return space[name]


def leaf(v):
    return v + 1 if v & 1 else v - 1


space["leaf"] = leaf

straight = []
for k in range(1000):
    straight.append(("a = (a + %d * i) & 0xFFFFF", "b = b ^ (a + %d)", "x = x * 0.5 + %d", "b = (b + a %% (i + %d)) & 0xFFFFFFF")[k % 4] % (k + 1))
print(build("straight", straight)(40))

branches = []
for k in range(300):
    branches.append("if (i + %d) %% %d == 0: a += %d" % (k, k % 5 + 2, k))
    branches.append("else: b ^= a + %d" % k)
print(build("branches", branches)(60))

calls = []
for k in range(400):
    calls.append("a = leaf(a + %d) & 0xFFFFFF" % k)
print(build("calls", calls)(40))

print(build("comparison_ladder", ["%s i %% 200 == %d: a += %d" % ("elif" if k else "if", k, k * k) for k in range(200)])(500))

nested = []
for k in range(12):
    nested.append("    " * k + "for j%d in range(%d):" % (k, 1 + (k % 4 == 3)))
nested.append("    " * 12 + "a = (a * 3 + j3 + j7 + j11 + i) & 0xFFFFF")
print(build("twelve_loops", nested)(40))

unrolled = build("one_expression", ["a = (" + " + ".join("(i ^ %d)" % k for k in range(300)) + ") & 0xFFFFFFF"])
print(unrolled(50))

locals_300 = ["v%d = i + %d" % (k, k) for k in range(300)] + ["a += " + " + ".join("v%d" % k for k in range(0, 300, 7))]
print(build("many_locals", locals_300)(60))

far_jump = ["if i % 3 == 0:"] + ["    a = (a + %d) & 0xFFFF" % k for k in range(700)] + ["else:"] + ["    b = (b ^ a + %d) & 0xFFFF" % k for k in range(700)]
print(build("far_jump", far_jump)(30))
