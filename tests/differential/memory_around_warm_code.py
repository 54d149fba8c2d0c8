"""Code that gets warm while many objects are alive does not keep their memory once they are gone.

Python's allocator gives back an arena when nothing in it is left: one block that stays, and a megabyte does.
"""
import os
import re
import sys


def arenas():
    """How many arenas Python's allocator has; what it tells of itself goes to the process's own stderr."""
    before = os.dup(2)
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    try:
        sys._debugmallocstats()
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(writer)
    with open(reader, "rb") as pipe:
        text = pipe.read().decode()
    return int(re.search(r"# arenas allocated current *= *(\d+)", text.replace(",", ""))[1])


functions = []
for number in range(400):
    namespace = {}
    exec(f"def identity(x):\n    return x, {number}", namespace)
    functions.append(namespace["identity"])

arenas()
few = arenas()
objects = []
for function in functions:
    objects += [number / 2 for number in range(2000)]
    for _ in range(200):
        function(0)
many = arenas()
objects.clear()
print("with the objects", many - few >= 20)
print("without them", arenas() - few < 5)
