"""Branches that take turns, so that exits grow bridges; nested loops of which the inner one is compiled first."""


def main():
    a = b = c = 0
    for i in range(150):
        for j in range(8):
            if j % 3 == 0:
                a += j
            elif j % 3 == 1:
                b += a & 7
            elif i % 4 == 1:
                c -= i * j
            else:
                c += 0.5 if j == 5 else 1
    return a, b, c
