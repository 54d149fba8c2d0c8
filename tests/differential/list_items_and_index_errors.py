"""List item load and store with positive, negative, boolean, huge and wrong indices; text and place of the IndexError."""

import traceback


def rotate(data, turns):
    n = len(data)
    for i in range(turns):
        first = data[i % n]
        data[i % n] = data[-1 - i % n]
        data[-1 - i % n] = first
    return data


def prefix(n):
    data = [0] * n
    for i in range(1, n):
        data[i] = data[i - 1] + i
    return data[-1], data[~0], data[-n]


def floats(n):
    data = [0.5] * n
    for i in range(n):
        data[i] += i * 0.25
    s = 0.0
    for i in range(-n, n):
        s = s * 0.5 + data[i]
    return s.hex()


def two_dimensional(n):
    grid = [[i * n + j for j in range(n)] for i in range(n)]
    for t in range(3):
        for i in range(n):
            for j in range(n):
                grid[i][j] += grid[i - 1][j - 1]
    return sum(map(sum, grid))


def load_past_end(data):
    i = 0
    total = 0
    while True:
        total += data[i]
        i += 1


def load_before_start(data):
    i = 0
    total = 0
    while True:
        i -= 1
        total += data[i]


def store_past_end(data):
    for i in range(10000):
        data[i] = i


def augmented_past_end(data):
    for i in range(10000):
        data[i] += i


def wrong_index_type(data):
    for i in range(300):
        data[i if i < 250 else str(i)]


def wrong_container(data):
    for i in range(300):
        if i == 250:
            data = None
        data[0]


def huge_index(data):
    i = 1
    for t in range(300):
        data[i - 1]
        if t > 200:
            i <<= 1


print(rotate(list(range(13)), 501))
print(prefix(300), floats(300), two_dimensional(12))
for function in (load_past_end, load_before_start, store_past_end, augmented_past_end, wrong_index_type, wrong_container, huge_index):
    data = [3] * 260
    try:
        function(data)
    except (IndexError, TypeError) as e:
        print(traceback.format_exc())
        f = e.__traceback__.tb_next.tb_frame
        print({k: v for k, v in f.f_locals.items() if k != "data"}, f.f_lasti)


class Index:
    def __init__(self, n):
        self.n = n

    def __index__(self):
        return self.n


def user_index(turns):
    data = list(range(10))
    total = 0
    for i in range(turns):
        data[Index(i % 10)] += 1
        total += data[True] + data[Index(-1)]
    return total, data


print(user_index(200))
