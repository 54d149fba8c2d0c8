"""Functions and classes that compiled loops rely on have the counts and the deaths that they would have without."""

import gc
import sys
import weakref

gc.disable()


class Told:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


# A method that is replaced, one that is deleted, a global function that is replaced: each dies at that statement.
class C:
    def replaced(self, x):
        return x + 1

    def deleted(self, x):
        return x + 2

    def __getitem__(self, i):
        return i % 5


def helper(x):
    return x * 2 % 77


def loop(n):
    c, x = C(), 0
    for i in range(n):
        x = helper(c.replaced(x) + c.deleted(x) + c[i])
    return x


C.replaced.told, C.deleted.told, helper.told = Told("replaced"), Told("deleted"), Told("helper")
C.__getitem__.told = Told("getitem")
references = weakref.ref(C.replaced), weakref.ref(C.deleted), weakref.ref(helper), weakref.ref(C.__getitem__)
print(loop(3000))
C.replaced = lambda self, x: x + 3
print("replaced", references[0]() is None)
del C.deleted
print("deleted", references[1]() is None)
C.deleted = lambda self, x: x


def helper(x):
    return x * 3 % 77


print("helper", references[2]() is None)
C.__getitem__ = lambda self, i: 2
print("getitem", references[3]() is None, loop(3000))


# In the middle of the call: the method is on the stack while an argument is computed that replaces it, and the collector runs.
def make(divisor):
    class Short:
        def method(self, x, y=5):
            return x + y + len(name)

    class Index:
        turns = 0

        def __index__(self):
            self.turns += 1
            if self.turns % divisor == divisor - 1:
                Short.method = lambda self, x, y=0: -1000
                gc.collect()
                self.others = [eval("lambda: 1") for k in range(50)]
            return 7

    return Short, Index


name = "abc"


def index_replaces_the_method(n, divisor):
    Short, Index = make(divisor)
    o, index, numbers, total = Short(), Index(), list(range(10)), 0
    for i in range(n):
        total += o.method(numbers[index])
    return total


def call_replaces_the_method(n, divisor):
    Short, Index = make(divisor)
    o, index, total = Short(), Index(), 0
    for i in range(n):
        total += o.method(index.__index__())
    return total


for divisor in (1500, 700, 30):
    print(index_replaces_the_method(3000, divisor), call_replaces_the_method(3000, divisor))


# Counts, in each turn and behind the loop.
class P:
    kind = "k"

    def method(self, x, *, y=1):
        return x + y

    @property
    def three(self):
        return 3


def find(x):
    return x if isinstance(x, P) else None


def counted(n):
    count, p, x, seen = sys.getrefcount, P(), 0, set()
    for i in range(n):
        x = p.method(x, y=2) + p.three
        found = find(p), find(i), p.kind
        seen.add((count(P), count(P.method), count(find), count(P.three), count(P.__dict__["method"])))
    return x, sorted(seen)


print(counted(3000))
print(counted(300))
print(sys.getrefcount(P), sys.getrefcount(P.method), sys.getrefcount(find))


# A class that dies in the loop that uses it, and its address is another's.
def classes_in_turn(n):
    results = []
    for i in range(n):
        def get(self, k=i % 3):
            return k

        A = type("A", (), {"get": get})
        a, total = A(), 0
        for j in range(60):
            total += a.get()
        results.append(total)
        del A, a, get
        if i % 10 == 0:
            gc.collect()
    return sum(results), results[-7:]


print(classes_in_turn(100))
