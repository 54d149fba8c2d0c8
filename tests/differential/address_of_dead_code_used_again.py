"""While a compiled loop runs, code that it calls replaces the functions and classes that it was compiled for, again and again, at the same addresses."""

import gc
import types

gc.disable()


def code(source):
    return compile(source, "made", "exec").co_consts[0]


# Code objects of the same size: each is made where the last one was.
FUNCTIONS = ["def f(x): return x + 1", "def f(x): return x - 5", "def f(x): return x * 3"]
METHODS = ["def m(self, x): return x + 1", "def m(self, x): return x - 5", "def m(self, x): return x * 3"]


class ReplaceFunction:
    turns = 0

    def __index__(self):
        global f
        self.turns += 1
        if self.turns > 2000:
            f = None
            f = types.FunctionType(code(FUNCTIONS[self.turns % 3]), {})
        return 7


def functions(n):
    total, index, numbers = 0, ReplaceFunction(), list(range(10))
    for i in range(n):
        numbers[index]
        total += f(i)
    return total


for turn in range(3):
    f = types.FunctionType(code(FUNCTIONS[0]), {})
    print(functions(4000))


class ReplaceClass:
    turns = 0

    def __index__(self):
        global o
        self.turns += 1
        if self.turns > 2000:
            o = None
            gc.collect(0)
            o = type("C", (), {"m": types.FunctionType(code(METHODS[self.turns % 3]), {})})()
        return 7


def classes(n):
    global o
    o = type("C", (), {"m": lambda self, x: x + 1})()
    total, index, numbers = 0, ReplaceClass(), list(range(10))
    for i in range(n):
        numbers[index]
        total += o.m(i)
    return total


for turn in range(2):
    print(classes(4000))
