"""Classes and modules that change again and again under hot loops: what was compiled for an earlier version never fits again."""

import types


class Node:
    def __init__(self, k):
        self.k = k

    def get(self):
        return self.k


def in_the_loop(turns):
    total = 0
    for i in range(turns):
        if i % 60 == 59:
            setattr(Node, "x%d" % (i // 60), i)
        total += Node(i).get()
    return total


def shared_keys(turns):
    total = 0
    for i in range(turns):
        node = Node(i)
        if i % 60 == 59:
            setattr(node, "y%d" % (i // 60 % 40), i)
        total += node.get()
    return total


class Even(Node):
    pass


class Odd(Node):
    def get(self):
        return -self.k


def in_a_bridge(turns):
    """Only the path that half of the turns take sees the class that changes."""
    even, odd = Even(1), Odd(2)
    total = 0
    for i in range(turns):
        if i % 120 == 119:
            Odd.extra = i
        if i & 1:
            total += odd.get()
        else:
            total += even.get()
    return total


def nested(turns):
    node = Node(3)
    total = 0
    for i in range(turns):
        if i % 30 == 29:
            Node.extra = i
        for j in range(i % 7):
            total += node.get() * j
        total += node.get()
    return total


def changed_meaning(turns):
    """What the class does changes, too."""
    node = Node(1)
    total = 0
    for i in range(turns):
        if i % 80 == 79:
            Node.get = lambda self, i=i: self.k + i
        total += node.get()
    Node.get = lambda self: self.k
    return total


def module_keys(turns):
    module = types.ModuleType("module")
    module.value = 1
    total = 0
    for i in range(turns):
        if i % 60 == 59:
            setattr(module, "name%d" % i, i)
        total += module.value
    return total


def calls_itself(depth, turns):
    """The loop is left behind by a run of its own, deeper on the stack, while outer ones are still in it."""
    node = Node(depth)
    total = 0
    for i in range(turns):
        if depth and i % 100 == 50:
            total += max([depth - 1], key=lambda d: 0) + sum(map(calls_itself, [depth - 1], [turns]))
            Node.extra = total
        if not depth and i % 40 == 39:
            Node.other = i
        total += node.get()
    return total


class Dying:
    """Changes the class when it dies."""

    def __del__(self):
        Node.deaths = getattr(Node, "deaths", 0) + 1


def changed_by_death(turns):
    node = Node(2)
    total = 0
    kept = None
    for i in range(turns):
        if i % 50 == 0:
            kept = Dying()
        if i % 50 == 25:
            kept = None
        total += node.get()
    return total, Node.deaths


for _ in range(2):
    print(in_the_loop(3000), shared_keys(3000), in_a_bridge(4000), nested(1500))
    print(changed_meaning(2000), module_keys(2500), calls_itself(2, 250), changed_by_death(1500))
