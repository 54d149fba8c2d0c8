"""Loops that are entered at all heights of the data stack, whose exits push frames."""


def leaf(i, x):
    y = x + i
    return y if i % 3 else y - 1


def middle(i, x):
    return leaf(i, x) + 1


def level(depth):
    total = 0.0
    for i in range(25):
        total = middle(i, total)
    return total + (level(depth - 1) if depth else 0)


def main():
    return level(120)
