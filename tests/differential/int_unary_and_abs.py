"""Unary minus, plus, invert and abs at the ends of the word."""


def run(start, turns):
    digest = 0
    x = start
    for i in range(turns):
        digest = (digest * 7 + (-x) + (~x) * 3 + abs(x) * 5 + (+x)) % ((1 << 89) - 1)
        x += 1
    return x, digest, -x, ~x, abs(x)


for bits in (8, 30, 31, 60, 62, 63, 64):
    for sign in (-1, 1):
        print(bits, sign, run(sign * (1 << bits) - 150, 300))


def same_object(turns):
    big = 1 << 40
    kept = 0
    for i in range(turns):
        y = big + i
        if abs(y) is y:
            kept += 1
        if +y is y:
            kept += 1000
        if int(y) is y:
            kept += 1000000
    return kept


print(same_object(200))
