"""A sum over a list of floats in which every hundredth item is an int."""

values = [i * 0.25 if i % 100 else i for i in range(100000)]


def total_of(values):
    total = 0.0
    for v in values:
        total = total + v * 2
    return total


def iteration():
    return total_of(values), total_of(values)
