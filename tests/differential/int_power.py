"""`**` in loops: small, overflowing, negative exponent (float result), zero to a negative power, pow with modulus."""

import traceback


def powers(turns):
    total = 0
    for i in range(turns):
        total += i ** 2 + (i % 7) ** (i % 23) - (-i) ** 3
        total += 3 ** (i % 60)
    return total


def negative_exponents(turns):
    x = 0.0
    for i in range(1, turns):
        x += i ** -1
        x += (-i) ** -3
    return repr(x)


def modular(turns):
    x = 3
    for i in range(turns):
        x = pow(x, 65537, 1000000007) + i
    return x


def fractional(turns):
    out = []
    for i in range(turns):
        out.append(i ** 0.5)
    return repr(sum(out))


def zero_to_negative(turns):
    x = 0
    for i in range(turns):
        x += (turns - 1 - i) ** -1
    return x


print(powers(700))
print(negative_exponents(500))
print(modular(500))
print(fractional(500))
try:
    zero_to_negative(300)
except ZeroDivisionError:
    print(traceback.format_exc())


def negative_base_fraction(turns):
    for i in range(turns):
        z = (i - turns + 2) ** 0.5
    return z


print(repr(negative_base_fraction(200)))


def types(turns):
    log = []
    for i in range(turns):
        r = (i - 150) ** (0.5 if i % 2 else 2)
        t = type(r).__name__
        if not log or log[-1] != t:
            log.append(t)
    return log


print(types(300))
