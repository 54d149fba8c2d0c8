"""Calls that are inlined, three deep, whose exits rebuild frames; methods of classes that are made here."""


def halve(x):
    return x * 0.5 if x > 10.0 else x + 1.25


def both(x, y):
    return halve(x) + halve(y)


def main():
    class Point:
        def __init__(self, x):
            self.x = x

        def moved(self, by):
            return Point(both(self.x, by))

    p = Point(1.5)
    for i in range(300):
        p = p.moved(i * 0.1)
    return p.x
