"""Left shifts out of the word, right shifts of negative numbers, shift by more than the width, by a negative count."""

import traceback


def left(turns):
    out = []
    for i in range(turns):
        out.append(1 << (i % 130))
        out.append(-3 << (i % 66))
    return sum(out), out[118:140]


def right(turns):
    total = 0
    for i in range(turns):
        total = total * 5 + ((-1 - i) >> (i % 70)) + ((1 << 64) >> (i % 90)) + (i >> 200)
        total = total & ((1 << 80) - 1)
    return total


def masks(turns):
    h = 0xCBF29CE484222325
    for i in range(turns):
        h = h ^ (i & 0xFF)
        h = (h * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        h = (h << 5 | h >> 59) & 0xFFFFFFFFFFFFFFFF
    return h


def inplace(turns):
    x = 1
    for i in range(turns):
        x <<= 3
        x |= i & 7
        if x > 1 << 100:
            x >>= 90
    return x


def negative_count(turns):
    x = 0
    for i in range(turns):
        x = 1 << (turns - 2 - i)
    return x


print(left(400))
print(right(600))
print(masks(900))
print(inplace(700))
for call in (negative_count,):
    try:
        call(300)
    except ValueError:
        print(traceback.format_exc())


def right_by_negative():
    n = 5
    total = 0
    while True:
        for i in range(60):
            total += 1000 >> n
        n -= 1


try:
    right_by_negative()
except ValueError:
    print(traceback.format_exc())
