"""Slices of lists, tuples, strings: load, store, delete, extended, negative step, size errors, in hot loops."""

import traceback


def loads(turns):
    data = list(range(20))
    text = "abcdefghijklmnopqrst"
    t = tuple(data)
    total = 0
    for i in range(turns):
        k = i % 20
        total += sum(data[k:]) - sum(data[:k]) + sum(data[-k:k]) + len(data[k:5]) + sum(data[::-1][:3]) + sum(data[k::-2])
        total += len(text[k:k + 3]) + sum(t[1:k]) + (text[::3] < text[k:])
        if data[:] is data or t[:] is not t:
            total += 1000000
    return total


def stores(turns):
    data = list(range(10))
    for i in range(turns):
        data[i % 10:i % 10 + 2] = [i, i + 1]
        data[::3] = [0] * len(data[::3])
        data[5:5] = [i]
        del data[i % 5]
        data[len(data):] = (7,)
        del data[-1:]
        if i % 50 == 0:
            data[1:4] = data[3:0:-1]
            data[:] = reversed(data)
    return data


def rotation(turns):
    data = [1, 2, 3, 4, 5]
    for i in range(turns):
        data = data[1:] + data[:1]
        data[0:2] = data[1::-1]
    return data


def slice_objects(turns):
    s = slice(1, None, 2)
    data = list(range(9))
    total = 0
    for i in range(turns):
        total += sum(data[s]) + len(data[slice(i % 9)]) + slice(i, -1).indices(10)[0]
    return total


def matrix(n):
    rows = [[i * j for j in range(n)] for i in range(n)]
    for i in range(n):
        rows[i][1:] = [x - y for x, y in zip(rows[i][1:], rows[i - 1][1:])]
    return sum(map(sum, rows)), [list(c) for c in zip(*rows)][2][:5]


class Recorder:
    def __getitem__(self, key):
        return key


def user(turns):
    r = Recorder()
    for i in range(turns):
        out = r[i:, ..., ::2, -1], r[i], r[i:i + 1]
    return out


def wrong_size(turns):
    data = list(range(10))
    for i in range(turns):
        data[::2] = [0] * (5 if i < turns - 1 else 4)


def wrong_type(turns):
    data = list(range(10))
    for i in range(turns):
        data[0:2] = [1, 2] if i < turns - 1 else 3


def zero_step(turns):
    data = list(range(10))
    for i in range(turns):
        data[::turns - 1 - i]


print(loads(200), stores(150), rotation(123), slice_objects(150), matrix(15), user(100))
for function in (wrong_size, wrong_type, zero_step):
    try:
        function(120)
    except (ValueError, TypeError):
        print(traceback.format_exc())
