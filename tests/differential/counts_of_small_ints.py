"""A small int that a loop has as a number, and memory as an object when the loop is entered: its count comes out even."""

import random
import sys

random.seed(2)
EMPTY = 0


class Square:
    pass


def board(n):
    squares = [Square() for _ in range(n * n)]
    for i, square in enumerate(squares):
        square.color = EMPTY
        square.neighbours = [squares[i + step] for step in (-1, 1, -n, n) if 0 <= i + step < n * n]
    return squares


def score(squares, color, count):
    for square in squares:
        its_color = square.color
        if its_color == color:
            count += 1
        elif its_color == EMPTY:
            surround = 0
            for neighbour in square.neighbours:
                if neighbour.color == color:
                    surround += 1
            if surround == len(square.neighbours):
                count += 1
    return count


def play(squares, turns):
    total = 0
    for turn in range(turns):
        for square in squares:
            square.color = random.choice((0, 1, 1, 2, 2))
        total += score(squares, 1 + turn % 2, 0 if turn % 2 else 7.5)
    for square in squares:
        square.color = 2
    return total


squares = board(9)
print(play(squares, 60))
before = sys.getrefcount(0)
print(play(squares, 120))
print(abs(sys.getrefcount(0) - before) < 20)
