"""A number that two locals have is stored elsewhere as well, after a call; then a path is taken that got hot later, and left by a seldom one."""

import sys


class Holder:
    pass


def attribute(holder, n, keep):
    t = 0
    for i in range(n):
        x = i * 0.5
        y = x
        divmod(i, 3)
        holder.last = x
        if t % 5 == 3:
            if i % 37 == 11:
                t += 5
            t += 2
        t += y > 3
        keep.append(x)
    return t


def item(places, n, keep):
    t = 0
    for i in range(n):
        x = y = t * 0.25
        divmod(i, 3)
        places[0] = x
        if t % 7 == 3:
            if i % 41 == 13:
                t += 7
            t += i & 1
        t += y > 3
        keep.append(x)
    return t


for work, target in ((attribute, Holder()), (item, [None])):
    for turns in (40, 400, 4000):
        keep = []
        print(work.__name__, work(target, turns, keep), {sys.getrefcount(o) for o in keep[:-1]}, sys.getrefcount(keep[-1]))
