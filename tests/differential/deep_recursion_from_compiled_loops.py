"""Functions that call themselves out of their own compiled loops: the depth of the recursion error, its traceback, and what was done before."""

import sys
import traceback

visited = 0


def tree(depth, width):
    global visited
    total = 0
    for k in range(width):
        visited += 1
        if depth > 0:
            total += tree(depth - 1, width) + k
    return total


def endless(depth):
    for k in range(3):
        if k == 1:
            endless(depth + 1)
    return depth


deepest = 0


def deep(depth):
    global deepest
    x = 0
    while x < 5:
        x += 1
        if x == 4:
            deepest = depth
            deep(depth + 1)


print(tree(5, 4), visited)
for limit in 150, 400, 1000:
    sys.setrecursionlimit(limit)
    for _ in range(3):
        try:
            endless(0)
        except RecursionError as e:
            frames = traceback.extract_tb(e.__traceback__)
            print(limit, str(e), len(frames), {f.name for f in frames})
        try:
            deep(0)
        except RecursionError as e:
            print(limit, str(e), deepest, len(traceback.extract_tb(e.__traceback__)))
print(tree(5, 4), visited)
