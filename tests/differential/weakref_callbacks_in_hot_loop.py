"""Weak references die at once and their callbacks run at that instruction; a callback that changes the loop's data."""

import sys
import weakref


class Node:
    pass


def dies_at_once(turns):
    n = Node()
    dead = 0
    for i in range(turns):
        r = weakref.ref(n)
        n = Node()
        if r() is None:
            dead += 1
    return dead


def callbacks(turns):
    log = []

    def gone(ref):
        f = sys._getframe(1)
        log.append((f.f_code.co_name, f.f_lineno - f.f_code.co_firstlineno, f.f_lasti, f.f_locals.get("i")))

    refs = []
    for i in range(turns):
        x = Node()
        refs.append(weakref.ref(x, gone))
        x.me = i
    x = None
    return len(log), log[:2], log[-2:]


def callback_changes_data(turns):
    data = list(range(10))

    def gone(ref):
        data.append(len(data))
        data[0] += 1

    total = 0
    for i in range(turns):
        x = Node()
        r = weakref.ref(x, gone)
        total += data[0] + len(data)
        del x
        total += data[-1]
    return total, len(data)


def callback_changes_global(turns):
    global rate
    rate = 1

    def gone(ref):
        global rate
        rate += 1

    total = 0
    for i in range(turns):
        x = Node()
        r = weakref.ref(x, gone)
        x = None
        total += rate
    return total


def inner(r_list):
    x = Node()
    r_list.append(weakref.ref(x))
    return x


def result_dropped(turns):
    alive = 0
    refs = []
    for i in range(turns):
        inner(refs)
        alive += refs[-1]() is not None
        y = inner(refs)
        alive += 1000 * (refs[-1]() is not None)
    return alive


def weak_dictionary(turns):
    d = weakref.WeakValueDictionary()
    keep = []
    for i in range(turns):
        n = Node()
        d[i] = n
        if i % 30 == 0:
            keep.append(n)
    return len(d), sorted(d)


def finalizers(turns):
    order = []
    for i in range(turns):
        x = Node()
        weakref.finalize(x, order.append, i)
    return len(order), order[-1]


def proxy(turns):
    n = Node()
    n.v = 2
    p = weakref.proxy(n)
    total = 0
    try:
        for i in range(turns):
            total += p.v
            if i == turns - 10:
                n = None
    except ReferenceError as e:
        return total, i, str(e)


print(dies_at_once(200), callbacks(150), callback_changes_data(120), callback_changes_global(150))
print(result_dropped(150), weak_dictionary(200), finalizers(100), proxy(150))
