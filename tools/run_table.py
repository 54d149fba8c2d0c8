"""Times programs under the base Python and under coluber, and prints a table.

    python3.11 tools/run_table.py --coluber target/release/coluber [script.py [argument ...]]

Run by `make run` with the base Python, which is the one that everything is compared with. Without a script: the programs
in examples/. The exit status is 1 where a program's output or exit status differs.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TURNS = 2  # the best of these counts


def run(command):
    """The best time in seconds and the last run."""
    best = float("inf")
    for _ in range(TURNS):
        start = time.perf_counter()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        best = min(best, time.perf_counter() - start)
    return best, done


def count(statistics, name):
    """A number of the statistics; reasons are added up; a dash where it isn't there."""
    value = statistics.get(name)
    if isinstance(value, dict):
        value = sum(value.values())
    return "-" if value is None else f"{value}"


def measure(coluber, program):
    base_seconds, base = run([sys.executable, *program])
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "stats.json")
        seconds, ours = run([coluber, "-X", f"jit-stats={file}", *program])
        try:
            statistics = json.loads(file.read_text())
        except (OSError, ValueError):
            statistics = {}
    same = (base.stdout, base.returncode) == (ours.stdout, ours.returncode)
    if not same or base.returncode:
        for name, done in ("python3.11", base), ("coluber", ours):
            print(f"{name} ended with status {done.returncode}; its errors end with:", file=sys.stderr)
            print(done.stderr.decode(errors="replace")[-500:].rstrip(), file=sys.stderr)
    return [
        pathlib.Path(program[0]).name,
        f"{base_seconds:.2f}",
        f"{seconds:.2f}",
        f"{base_seconds / seconds:.2f}x",
        count(statistics, "traces"),
        count(statistics, "exits"),
        "yes" if same else "NO",
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--coluber", required=True)
    parser.add_argument("program", nargs=argparse.REMAINDER, help="a script and its arguments")
    options = parser.parse_args()
    programs = [options.program] if options.program else [[str(path)] for path in sorted(ROOT.glob("examples/*.py"))]

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"base: {sys.executable} ({version}); seconds are the best of {TURNS} runs")
    heads = ["program", "python3.11 s", "coluber s", "ratio", "traces", "side exits", "same output"]
    widths = [max(len(heads[0]), *(len(pathlib.Path(program[0]).name) for program in programs)), *map(len, heads[1:])]

    def line(cells):
        print(f"{cells[0]:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:])), sep="  ", flush=True)

    line(heads)
    all_same = True
    for program in programs:
        cells = measure(options.coluber, program)
        line(cells)
        all_same = all_same and cells[-1] == "yes"
    return 0 if all_same else 1


if __name__ == "__main__":
    sys.exit(main())
