"""math.sin, cos, sqrt, atan2 and friends on local floats."""

import math


def loop(n):
    x = 0.0
    total = 0.0
    for i in range(n):
        x += 0.001
        total += math.sin(x) * math.cos(x) + math.sqrt(x) - math.atan2(total, 2.0) + abs(x - 5.0) + min(x, 3.0)
    return total


def iteration():
    return loop(80000)
