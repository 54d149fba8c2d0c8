"""MemoryError and OverflowError from huge requests in a hot loop; int-to-string limit; the loop can go on afterwards."""

import traceback


def repeat(turns):
    n = 1
    s = [0]
    for i in range(turns):
        n = n * 2
        s = [0] * (1 if i < turns - 1 else 1 << 62)


def bytes_repeat(turns):
    for i in range(turns):
        b = b"x" * (1 if i < turns - 1 else 1 << 62)


def index_too_large(turns):
    data = [1, 2, 3]
    for i in range(turns):
        data[0 if i < turns - 1 else 1 << 64]


def repeat_too_large(turns):
    for i in range(turns):
        "ab" * (1 if i < turns - 1 else 1 << 64)


def digits(turns):
    for i in range(turns):
        str(10 ** (i * 50))


def range_length(turns):
    for i in range(turns):
        len(range(1 << i))


def shift(turns):
    for i in range(turns):
        x = 1 << (1 if i < turns - 1 else 1 << 70)


def chr_range(turns):
    for i in range(turns):
        chr(i * 10000)


def to_bytes(turns):
    for i in range(turns):
        (i * 3).to_bytes(1, "big")


for function in (repeat, bytes_repeat, index_too_large, repeat_too_large, digits, range_length, shift, chr_range, to_bytes):
    try:
        function(150)
    except (MemoryError, OverflowError, IndexError, ValueError) as e:
        print(traceback.format_exc())
        print(e.__traceback__.tb_next.tb_frame.f_locals["i"])


def goes_on(turns):
    failed = 0
    for i in range(turns):
        try:
            bytearray(1 << 62 if i % 10 == 5 else 3)
        except MemoryError:
            failed += 1
    return failed


print(goes_on(100))
