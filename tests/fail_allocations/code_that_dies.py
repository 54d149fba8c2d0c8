"""Functions with hot loops that are made anew and dropped: their traces go with them."""

SOURCE = """
def helper(x):
    return x + {k}
def loop(n):
    total = {k}
    for i in range(n):
        total = helper(total) ^ i
        if i % 6 == 1: total -= 2
    return total
"""


def main():
    total = 0
    for k in range(12):
        space = {}
        exec(SOURCE.format(k=k), space)
        total += space["loop"](120)
    return total
