"""An exception that nobody catches, raised out of a hot module-level loop through inlined calls: stderr and exit status."""


def check(x):
    if x == 400:
        raise RuntimeError("reached %d" % x)
    return x


def forward(x):
    return check(x) + check(x - 1)


total = 0
for i in range(1000):
    total += forward(i)
    if i % 100 == 0:
        print(i, total, flush=True)
