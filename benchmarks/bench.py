#!/usr/bin/env python3
"""Measures coluber against a base Python, side by side, and prints ratios.

    bench.py --coluber target/release/coluber --columns off,on,pypy --output build/bench/executable     # what `make bench` does
    bench.py --coluber 'target/release/coluber -X jit=off' --only nbody,own --quick                      # some, fast and rough
    bench.py --coluber target/release/coluber --startup                                                   # start-up time and memory

Who calls it: people, `make bench` and the release checks. Each program runs in fresh processes, base and the columns in turn, on one
core. Inside a process `harness.py` repeats the program for some seconds. Of each process counts the best (or median) iteration of the
later half of the time; of several processes the best (or median) again. Where coluber comes out slower, all sides may have some processes more
(`--again`): what else the machine does takes more from one process than from another. What the ratios are, `report.py` says. The exit status is 1
if a program failed under base or coluber, if its result differs, or if coluber handed frames to CPython's evaluator.
"""

import argparse
import glob
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

import catalogue
import fetch
import report
import startup

HERE = os.path.dirname(os.path.abspath(__file__))


class Failed(Exception):
    """A measured process did not end well; the text is its last line on stderr."""


class Side:
    """An interpreter as it is measured: the base, or one column of the table."""

    def __init__(self, name, command, extension=None, is_coluber=False):
        self.name, self.command, self.extension, self.is_coluber = name, command, extension, is_coluber

    def environment(self):
        """PYTHONHASHSEED is fixed so that all sides do the same work; the rest of PYTHON* and COLUBER* would change what is measured."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COLUBER"))}
        env.update(PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1")
        if self.extension:
            env["PYTHONPATH"] = self.extension
        return env

    def version(self):
        """What it says of itself; ends the program where it doesn't start."""
        done = subprocess.run(self.command + ["-VV"], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.environment())
        if done.returncode:
            sys.exit("bench: %s does not start: %s" % (self.command[0], (done.stderr.strip().splitlines() or ["status %d" % done.returncode])[-1]))
        return " ".join(done.stdout.split())


def pinned(core):
    """What a child does before it becomes an interpreter, so that it never runs elsewhere."""
    return None if core is None else lambda: os.sched_setaffinity(0, {core})


def run_once(side, program, options):
    """What one process measured. Raises Failed."""
    with tempfile.TemporaryDirectory() as folder:
        result, counted = os.path.join(folder, "result.json"), os.path.join(folder, "statistics.json")
        wish = {"path": program.path, "argv": program.argv, "check": program.check, "benchmark": program.benchmark, "call": program.call,
                "folders": program.folders, "extension": bool(side.extension), "seconds": options.seconds, "result": result}
        # The evaluator and the tracer count in any case; the option only has them written when the process ends.
        asked = ["-X", "jit-stats=" + counted] if side.is_coluber else []
        command = side.command + asked + [os.path.join(HERE, "harness.py"), json.dumps(wish)]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=side.environment(), timeout=options.timeout, preexec_fn=pinned(options.core))
        except subprocess.TimeoutExpired:
            raise Failed("no end after %g s" % options.timeout) from None
        if done.returncode != 0 or not os.path.exists(result):
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise Failed("status %d: %s" % (done.returncode, lines[-1] if lines else "nothing on stderr"))
        with open(result) as f:
            measured = json.load(f)
        # A program prints the same in each iteration, and how many there were differs.
        measured["printed"] = sorted(set(done.stdout.decode(errors="replace").splitlines()))[:100]
        if side.is_coluber:
            with open(counted) as f:
                measured["statistics"] = json.load(f)
        return measured


def combine(runs, statistic):
    pick = min if statistic == "best" else statistics.median
    return {
        "steady": pick(r[statistic] for r in runs),
        "first": pick(r["first"] for r in runs),
        "work": (max if statistic == "best" else statistics.median)(r["work"] for r in runs),
        "peak_kib": min((r["peak_kib"] for r in runs if r["peak_kib"]), default=None),
        "runs": runs,
    }


def measure(program, sides, options, show):
    """A row of the table: what was measured on each side, or that side's error (see report.complete for the rest of a row)."""
    runs, errors = {side.name: [] for side in sides}, {}

    def is_slower():
        steady = {name: combine(rs, options.statistic)["steady"] for name, rs in runs.items() if rs and name not in errors}
        return "base" in steady and any(side.is_coluber and steady.get(side.name, 0) > steady["base"] for side in sides)

    for turn in range(options.processes + options.again):
        if turn >= options.processes and not is_slower():
            break
        for side in sides:
            if side.name in errors or "base" in errors:
                continue
            show("%s: %s" % (program.name, side.name))
            try:
                runs[side.name].append(run_once(side, program, options))
            except Failed as e:
                errors[side.name] = {"error": str(e)}
    measured = {name: combine(rs, options.statistic) for name, rs in runs.items() if rs and name not in errors}
    return {"name": program.name, "group": program.group, "sides": {**measured, **errors}}


def progress(number, of):
    """A function that shows on a terminal what is being measured, in a line that the next output replaces."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print("\r\033[K" + ("[%d/%d] %s" % (number, of, text) if text else ""), end="", file=sys.stderr, flush=True)


def interpreter(text):
    """A command from an option: an executable, found on PATH or by its path, perhaps with options behind it."""
    words = shlex.split(text)
    path = shutil.which(words[0]) if words else None
    if path is None:
        sys.exit("bench: there is no executable %s" % (words[0] if words else "''"))
    return [os.path.abspath(path)] + words[1:]


def sides_of(options):
    """The base, then a side for each column. Ends the program with one line where there is no such interpreter."""
    base = interpreter(options.base)
    if options.extension:
        if not glob.glob(os.path.join(glob.escape(options.extension), "coluber.*")):
            sys.exit("bench: there is no extension module in %s; make ext builds it" % options.extension)
        coluber = base
    elif options.coluber:
        coluber = interpreter(options.coluber)
    else:
        sys.exit("bench: --coluber is missing (or --extension)")
    extension = os.path.abspath(options.extension) if options.extension else None
    modes = {"coluber": [], "off": ["-X", "jit=off"], "on": ["-X", "jit=on"]}
    sides = [Side("base", base)]
    for column in options.columns.split(","):
        if column in modes:
            sides.append(Side(column, coluber + modes[column], extension, is_coluber=True))
        elif column != "pypy":
            sys.exit("bench: no column %s; there are coluber, off, on, pypy" % column)
        elif options.pypy or shutil.which("pypy3"):
            sides.append(Side(column, interpreter(options.pypy or "pypy3")))
        else:
            print("bench: no pypy3 on PATH, so no column for it (make bench-peers installs it)", file=sys.stderr)
    return sides


class Parser(argparse.ArgumentParser):
    def error(self, message):
        sys.exit("bench: " + message)


def parse():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--base", default="/usr/bin/python3.11", help="the reference Python; options may follow in the same word: 'python3.11 -S'")
    p.add_argument("--coluber", help="the executable under test, likewise: 'coluber -X jit=off'")
    p.add_argument("--extension", metavar="FOLDER", help="test the extension module in this folder, inside the base Python, instead of an executable")
    p.add_argument("--columns", default="coluber", help="what is compared with the base: off, on (the JIT), pypy, or coluber as the command is given")
    p.add_argument("--pypy", help="PyPy's executable; pypy3 if not given")
    p.add_argument("--only", default="all", help="names and groups (%s), with commas between" % ", ".join(catalogue.GROUPS))
    p.add_argument("--seconds", type=float, default=3.0, help="measuring time of each process")
    p.add_argument("--processes", type=int, default=3, help="processes of each program and side")
    p.add_argument("--again", type=int, default=0, help="so many processes more, at most, while a column of coluber's is slower than the base")
    p.add_argument("--quick", action="store_true", help="one process of half a second each: rough numbers")
    p.add_argument("--statistic", choices=("best", "median"), default="best")
    p.add_argument("--core", type=int, default=None, help="the core to run on; the last one allowed if not given, -1 for no pinning")
    p.add_argument("--timeout", type=float, default=300, help="seconds for one process")
    p.add_argument("--startup", action="store_true", help="measure start-up instead of the programs")
    p.add_argument("--startup-runs", type=int, default=40)
    p.add_argument("--output", metavar="NAME", help="write NAME.json, NAME.md and NAME.svg")
    p.add_argument("--json", help="write everything measured to this file")
    p.add_argument("--list", action="store_true", help="print the names of the programs that --only chooses")
    options = p.parse_args()
    if options.quick:
        options.seconds, options.processes, options.again, options.startup_runs = 0.5, 1, 0, 10
    if not options.seconds > 0 or options.processes < 1 or options.startup_runs < 1:
        p.error("--seconds, --processes and --startup-runs must be more than 0")
    if options.again < 0:
        p.error("--again must not be negative")
    allowed = os.sched_getaffinity(0)
    if options.core is None:
        options.core = max(allowed)
    elif options.core < 0:
        options.core = None
    elif options.core not in allowed:
        p.error("core %d is not one of those allowed: %s" % (options.core, ", ".join(map(str, sorted(allowed)))))
    return options


def prepare(programs, sides):
    """Fetches what the programs need; fills in their `folders` and the full path."""
    names = {name for p in programs for name in p.needs} | {"pyperformance" for p in programs if p.group not in ("own", "examples")}
    where = fetch.folders(sorted(names))
    for program in programs:
        program.folders = [where[name] for name in program.needs]
        program.path = os.path.join(where.get("pyperformance", ""), program.path)
    packages = [where[name] for name in names if name != "pyperformance"]
    if packages:
        for side in sides:
            if not side.is_coluber:  # which reads the base's
                fetch.compile_all(packages, side.command)


def main():
    options = parse()
    try:
        programs = catalogue.choose(options.only.split(","))
    except KeyError as e:
        sys.exit("bench: no program or group %s; --list prints them" % e.args[0])
    if options.list:
        for program in programs:
            print("%-32s %s" % (program.name, program.group))
        return 0
    sides = sides_of(options)
    document = {"sides": {s.name: {"command": s.command, "version": s.version()} for s in sides}, "form": "extension" if options.extension else "executable",
                "columns": [s.name for s in sides[1:]], "seconds": options.seconds, "processes": options.processes, "again": options.again, "statistic": options.statistic}
    if options.startup:
        document["startup"] = startup.measure(sides, options)
        report.write_json(document, options.json)
        return 0
    prepare(programs, sides)
    print(report.explanation(document))
    print(report.headings(document["columns"]), flush=True)
    document["programs"] = rows = []
    status = 0
    try:
        for number, program in enumerate(programs, 1):
            show = progress(number, len(programs))
            rows.append(report.complete(measure(program, sides, options, show), document["columns"]))
            show("")
            print(report.row_text(rows[-1], document["columns"]), flush=True)
    except KeyboardInterrupt:
        show("")
        print("bench: interrupted after %d of %d programs" % (len(rows), len(programs)), file=sys.stderr)
        status = 130
    document["summary"] = report.summary(rows, document["columns"])
    print(report.summary_text(document))
    report.write_json(document, options.json)
    if options.output:
        print("wrote " + ", ".join(report.write(document, options.output)))
    return status or (1 if any(row["faults"] for row in rows) else 0)


if __name__ == "__main__":
    sys.exit(main())
