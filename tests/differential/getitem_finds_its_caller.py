"""Where the caller of a `__getitem__` stands while that runs, and when it raises: at its instruction, in code that has run a few times."""

import sys


class Keys(list):
    def __getitem__(self, k):
        places.append(sys._getframe(1).f_lasti)
        if k == 9:
            raise KeyError(k)
        return k


class Noted:
    def __del__(self):
        places.append(sys._getframe(1).f_lasti)


def item(keys, k):
    return [Noted(), keys[k]][1]


def failing(keys):
    try:
        for noted in (Noted(), keys[9]):
            pass
    except KeyError as e:
        places.append(e.__traceback__.tb_lasti)


def failed(keys):
    try:
        item(keys, 9)
    except KeyError as e:
        return [e.__traceback__.tb_lasti, e.__traceback__.tb_next.tb_lasti, e.__traceback__.tb_next.tb_next.tb_lasti]


def depth(n):
    """Through `__getitem__` and back."""
    return Deeper(n)[n] if n else 1


class Deeper(list):
    def __init__(self, n):
        self.n = n

    def __getitem__(self, k):
        return depth(self.n - 1) + 1


places = []
keys = Keys((1, 2, 3))
print(item(keys, 1), item(keys, 2), places)
places.clear()
print(failed(keys), failed(keys), places)
places.clear()
failing(keys)
failing(keys)
print(places)
print(depth(200))
