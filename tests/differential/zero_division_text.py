"""Each division by zero in a hot loop: exception text, line and columns."""

import dis
import traceback


def at(code, lasti):
    """The call's own offset: CPython's specialiser moves the call of a builtin from CALL to the PRECALL before it once the code is warm."""
    return lasti + 4 if dis.opname[code.co_code[lasti]] == "PRECALL" else lasti


def divide(n):
    total = 0
    for i in range(n):
        total += 100 // (n - 3 - i)
    return total


def modulo(n):
    total = 0
    for i in range(n):
        total += i + (100 % (n - 3 - i)) * 2
    return total


def true_divide(n):
    total = 0
    for i in range(n):
        total += 1 / (n - 3 - i)
    return total


def float_divide(n):
    total = 0.0
    for i in range(n):
        total += 1.0 / (n - 3.0 - i)
    return total


def float_floor(n):
    total = 0.0
    x = float(n)
    while True:
        x -= 1.0
        total += 10.0 // x


def float_modulo(n):
    total = 0.0
    x = float(n)
    while True:
        x -= 1.0
        total += 10.0 % x


def float_power(n):
    x = float(n)
    while True:
        x -= 1.0
        y = x ** -2.0


def pairs(n):
    while True:
        n -= 1
        q, r = divmod(1000, n)


def inplace(n):
    total = 1 << 70
    while n > -1:
        n -= 1
        total //= n
        total += 1 << 70


for function in (divide, modulo, true_divide, float_divide, float_floor, float_modulo, float_power, pairs, inplace):
    try:
        function(200)
    except ZeroDivisionError as e:
        print(traceback.format_exc())
        frame = e.__traceback__.tb_next.tb_frame
        print(sorted((k, repr(v)) for k, v in frame.f_locals.items()), frame.f_lineno, at(frame.f_code, frame.f_lasti))
