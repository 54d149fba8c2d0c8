"""On a way that the loop did not take at first, two variables come to share a number: it stays one object."""


def floats(n, k):
    x, y = 1.5, 2.5
    for i in range(n):
        x = x + 0.5
        if i % k == k - 1:
            y = x
    return x is y, x == y


def ints(n, k):
    x, y, i = 1000, 3000, 0
    while i < n:
        i += 1
        x = x + 1
        if i % k == 0:
            y = x
    return x is y, x == y


def in_turn(n, k):
    x, y = 100000, 5
    for i in range(n):
        x = x + 1
        if i % k == k - 1:
            y = x
        elif i % k == 1:
            y = i
        else:
            x, y = y + 1, x
    return y is x, y is i


for n in (10, 100, 1000, 2000):
    print(n, floats(n, 10), ints(n, 10), floats(n, 5), ints(n, 2))
for n in (10, 100, 1000, 2000):
    for k in (2, 5, 10):
        print(n, k, in_turn(n, k), in_turn(n + 1, k), in_turn(n + 2, k))
