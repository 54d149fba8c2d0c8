"""The spectral norm of the infinite matrix 1, 1/2, 1/4, 1/3, 1/5 ..., cut off at N rows, by the power method.

python spectral_norm.py [N]
"""

import math
import sys


def entry(row, column):
    """The matrix runs along its diagonals: 1 over 1, 2, 3, 4 ..."""
    diagonal = row + column
    return 1.0 / (diagonal * (diagonal + 1) // 2 + row + 1)


def times(vector):
    size = len(vector)
    result = [0.0] * size
    for row in range(size):
        total = 0.0
        for column in range(size):
            total += entry(row, column) * vector[column]
        result[row] = total
    return result


def times_transposed(vector):
    size = len(vector)
    result = [0.0] * size
    for row in range(size):
        total = 0.0
        for column in range(size):
            total += entry(column, row) * vector[column]
        result[row] = total
    return result


def spectral_norm(size, rounds=10):
    vector = [1.0] * size
    image = vector
    for _ in range(rounds):
        vector = times_transposed(times(vector))
        image = times_transposed(times(vector))
    return math.sqrt(sum(a * b for a, b in zip(vector, image)) / sum(a * a for a in vector))


def main():
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 850
    print(f"spectral norm of {size} rows: {spectral_norm(size):.9f}")


if __name__ == "__main__":
    main()
