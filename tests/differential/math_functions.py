"""math.* in hot loops: values bit for bit, domain and range errors, int and bool arguments, __float__, functions replaced."""

import math
import traceback
from math import cos, exp, floor, hypot, sin, sqrt


def values(turns):
    s = 0.0
    for i in range(1, turns):
        x = i * 0.37
        s += math.sqrt(x) + sin(x) * cos(x) - math.atan2(x, 3.0) + exp(-x) + math.log(x) + math.log2(i) - math.log(i, 10)
        s += math.fabs(-x) + math.fmod(-x, 0.7) + hypot(x, 1.0) + math.tan(x) * 1e-3 + math.copysign(x, -0.0) + math.tanh(x)
        s += math.floor(x) - math.ceil(x) + math.trunc(-x) + floor(-x) + math.degrees(x) + math.radians(x)
        s += math.pow(x, 0.25) + math.ldexp(x, i % 9 - 4) + math.frexp(x)[1] + math.modf(x)[0] + math.gcd(i, 36) + math.isqrt(i)
        s += math.isnan(s) + math.isinf(s) + math.isfinite(s) + math.pi - math.e + math.erf(x) + math.cbrt(x) + math.dist((x, 1), (2, x))
    return s.hex(), type(floor(2.5)).__name__, floor(1e30)


def arguments(turns):
    class Half:
        def __float__(self):
            return 0.5

        def __floor__(self):
            return "floor"

    s = 0.0
    h = Half()
    for i in range(turns):
        s += sqrt(i) + sqrt(True) + sin(h) + sqrt(1 << 70) + math.fabs(-3)
        if floor(h) != "floor":
            s += 1000
    return s.hex()


def edges(turns):
    inf, nan = math.inf, math.nan
    out = []
    for i in range(turns):
        out = [sqrt(inf), sqrt(-0.0), exp(-inf), exp(-1000.0), math.atan(inf), hypot(nan, inf), math.copysign(1, -0.0), sin(-0.0), math.fmod(-0.0, 1.0), math.pow(nan, 0.0), math.pow(1.0, nan)]
    return out


def replaced(turns):
    global sin
    keep = math.sqrt, sin
    s = 0.0
    for i in range(turns):
        if i == 100:
            math.sqrt = lambda x: -1.0
        if i == 150:
            sin = math.cos
        s += math.sqrt(4.0) + sin(0.0)
    math.sqrt, sin = keep
    return s


def negative_sqrt(n):
    while True:
        n -= 1
        sqrt(n)


def log_zero(n):
    x = float(n)
    while True:
        x -= 1.0
        y = math.log(x)


def large_exp(n):
    x = 0.0
    while True:
        x += 10.0
        y = math.exp(x)


def sin_infinite(n):
    x = 1.0
    while True:
        x *= 1e2
        y = sin(x)


def wrong_type(n):
    for i in range(n + 1):
        y = cos(i if i < n else "x")


def huge_int(n):
    k = 1
    while True:
        k *= 100
        y = sqrt(k)


def floor_nan(n):
    for i in range(n + 1):
        floor(i * 0.5 if i < n else math.nan)


def wrong_count(n):
    for i in range(n + 1):
        sqrt(*([1.0] if i < n else [1.0, 2.0]))


print(values(300), arguments(200), edges(150), replaced(200))
for function in (negative_sqrt, log_zero, large_exp, sin_infinite, wrong_type, huge_int, floor_nan, wrong_count):
    try:
        function(200)
    except (ValueError, OverflowError, TypeError):
        print(traceback.format_exc())
