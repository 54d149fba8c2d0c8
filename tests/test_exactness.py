"""What a program must not notice of the JIT, and differential programs can't show: a full code memory, code that comes and goes, forced guards.

Run by `make test` with the base Python; COLUBER is the executable.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUBER = os.path.abspath(os.environ["COLUBER"])


def run(source, *xoptions, executable=COLUBER):
    """What a program prints, and the statistics."""
    with tempfile.TemporaryDirectory() as folder:
        program, stats = pathlib.Path(folder, "program.py"), pathlib.Path(folder, "stats.json")
        program.write_text(source)
        command = [executable, *(word for x in xoptions for word in ("-X", x))]
        command += ["-X", f"jit-stats={stats}"] if executable == COLUBER else []
        done = subprocess.run([*command, str(program)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout, json.loads(stats.read_text()) if stats.exists() else None


MANY_LOOPS = """
functions = []
for k in range(150):
    names = {}
    exec(f"def f(n, xs):\\n    t = {k}\\n    for i in range(n):\\n        t += xs[i % 3] * {k} + (i if i % 5 else t & 7)\\n    return t", names)
    functions.append(names["f"])
print([f(60, [1, 2, 3]) for _ in range(3) for f in functions])
"""

CODE_COMES_AND_GOES = """
import gc

def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4

def template(n):
    t = 0
    for i in range(n):
        t += i * 2
    return t

make = type(template)
total = 0
for k in range(100_000):
    f = make(template.__code__.replace(co_firstlineno=k + 1), globals())
    total += f(30 if k % 25 else 160)
    if k == 20_000:
        gc.collect()
        before = resident()
gc.collect()
print(total)
print(resident() - before)
"""


class Exactness(unittest.TestCase):
    def test_a_full_code_memory_stops_compiling_and_nothing_else(self):
        expected, _ = run(MANY_LOOPS, executable=sys.executable)
        for kib in 8, 64:
            got, stats = run(MANY_LOOPS, "jit-threshold=5", f"jit-code-memory={kib}")
            self.assertEqual(got, expected)
            self.assertGreater(stats["traces"], 0)
            self.assertGreater(stats["aborts"]["code_memory"], 0)

    def test_a_hundred_thousand_code_objects_leave_nothing_behind(self):
        expected, _ = run(CODE_COMES_AND_GOES, executable=sys.executable)
        got, stats = run(CODE_COMES_AND_GOES, "jit-threshold=60")
        self.assertEqual(got.split()[0], expected.split()[0])
        self.assertGreater(stats["dropped"], 3000)
        self.assertLess(int(got.split()[1]), 1500, "KiB more after 80,000 code objects")


if __name__ == "__main__":
    unittest.main()
