"""Sums that walk over 2^30, 2^60 and 2^63 and back keep their exact value, type and sign."""

BOUNDARIES = (1 << 15, 1 << 30, 1 << 31, 1 << 32, 1 << 60, 1 << 62, 1 << 63, 1 << 64, 1 << 90)


def walk(start, step, turns):
    x = start
    digest = 0
    i = 0
    while i < turns:
        x = x + step
        digest = (digest * 31 + x) % 1000000007
        i = i + 1
    return x, digest


def walk_back(start, step, turns):
    x = start
    digest = 0
    for _ in range(turns):
        x = x - step
        digest = (digest * 31 + x) % 1000000007
    return x, digest


def doubling(turns):
    """Leaves the machine word at a fixed turn, each call again."""
    x = 1
    seen = []
    for i in range(turns):
        x = x + x
        if i % 10 == 0:
            seen.append(x)
    return x, seen


for boundary in BOUNDARIES:
    for sign in (1, -1):
        print(boundary, sign, walk(sign * (boundary - 100), sign, 200), walk_back(sign * (boundary + 100), sign, 200))
        print(boundary, sign, walk(sign * (boundary - 700), sign * 7, 200))

for _ in range(30):
    result = doubling(70)
print(result)

# One more in the last turn only: the sum overflows right when the loop ends.
x = (1 << 63) - 1 - 500
for i in range(501):
    x += 1
print(x, x == 1 << 63, type(x).__name__, x.bit_length())
x = -(1 << 63) + 500
for i in range(501):
    x -= 1
print(x, x == -(1 << 63) - 1, x.bit_length())
