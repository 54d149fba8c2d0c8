"""Method calls whose receiver has one of four classes, in an irregular order."""


class Circle:
    def __init__(self, r):
        self.r = r

    def area(self):
        return self.r * self.r * 3.14159


class Square:
    def __init__(self, s):
        self.s = s

    def area(self):
        return self.s * self.s


class Rectangle:
    def __init__(self, a, b):
        self.a = a
        self.b = b

    def area(self):
        return self.a * self.b


class Scaled(Square):
    def area(self):
        return super().area() * 0.5


shapes = []
seed = 1
for k in range(1000):
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    which = (seed >> 16) & 3
    shapes.append((Circle(k * 0.5), Square(k), Rectangle(k, 2.5), Scaled(k))[which])


def total_area(shapes, rounds):
    total = 0.0
    for _ in range(rounds):
        for s in shapes:
            total += s.area()
    return total


def iteration():
    return total_area(shapes, 100)
