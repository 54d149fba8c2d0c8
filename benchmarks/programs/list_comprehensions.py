"""List, dict and nested comprehensions of arithmetic."""


def build(n):
    squares = [i * i for i in range(n)]
    evens = [v for v in squares if v % 2 == 0]
    table = {i: v * 0.5 for i, v in enumerate(evens)}
    grid = [[i * j for j in range(20)] for i in range(n // 20)]
    return sum(evens) + sum(table.values()) + sum(map(sum, grid))


def iteration():
    return build(60000)
