"""Instances made in hot code keep their attributes in the keys that the class's instances share: no dict each, small dicts."""

import gc
import sys


class Loop:
    def __init__(self):
        self.me = self


class Plain:
    pass


class Three:
    def __init__(self):
        self.a = self.b = self.c = 1


def collected(turns):
    """An instance in a cycle is one object for the collector, with a dict it would be two."""
    gc.collect()
    for _ in range(turns):
        Loop()
    return gc.collect()


def plain():
    return sys.getsizeof(Plain().__dict__)


def stored():
    instance = Plain()
    instance.x = 1
    instance.y = 2
    return sys.getsizeof(instance.__dict__)


def three():
    return sys.getsizeof(Three().__dict__)


gc.disable()
print([collected(turns) for turns in (1, 10, 100, 1000)])
for function in (plain, stored, three):
    print(function.__name__, [function() for _ in range(200)])
