"""fork in the middle of compiled loops: parent and child go on, take paths that were not taken before, and compile them; neither sees the other's."""

import os
import pickle
import sys


def turn(i, side):
    if side == 0:
        return i % 7
    if side == 1:
        return -(i % 5)
    return i * side


def loop(turns, sides):
    total, pid, seen = 0, None, []
    side = 0
    for i in range(turns):
        total += turn(i, side)
        if i == 400:
            sys.stdout.flush()
            pid = os.fork()
            side = sides[0] if pid else sides[1]
        if i > 700 and i % 3 == 0:
            total ^= side
        if i % 250 == 0:
            seen.append((i, total))
    return pid, total, seen


def both(sides):
    read, write = os.pipe()
    pid, total, seen = loop(1500, sides)
    if pid == 0:
        os.write(write, pickle.dumps((total, seen)))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        child = pickle.loads(pipe.read())
    os.waitpid(pid, 0)
    return (total, seen), child


for sides in (1, 2), (2, 1), (3, 0), (0, 3):
    print(*both(sides))
