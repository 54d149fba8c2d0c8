"""A loop over unboxed numbers."""


def main():
    total, x = 0, 0.5
    for i in range(300):
        total += i * i
        x = x * 1.01 + i
    return total, x
