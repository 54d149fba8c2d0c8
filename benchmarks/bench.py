#!/usr/bin/env python3
"""Measures coluber against a base Python, side by side, and prints ratios.

    bench.py --base /usr/bin/python3.11 --coluber target/release/coluber                 # all programs
    bench.py ... --only nbody,own --quick                                                  # some, fast and rough
    bench.py ... --startup                                                                 # start-up time and memory

Who calls it: people and the release checks. Each program runs in fresh processes, base and coluber in turn (A B A B), on one core.
Inside a process `harness.py` repeats the program for some seconds. Of each process counts the best (or median) iteration of the
later half of the time; of several processes the best (or median) again. Ratios are base / coluber for times (above 1: coluber is
faster) and coluber / base for memory (above 1: coluber needs more). The exit status is 1 if a program failed or if any result differs.
"""

import argparse
import importlib.machinery
import importlib.util
import json
import math
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import catalogue

HERE = os.path.dirname(os.path.abspath(__file__))


def fetch():
    """The folder of pyperformance's programs (see fetch_pyperformance, a script without .py)."""
    loader = importlib.machinery.SourceFileLoader("fetch_pyperformance", os.path.join(HERE, "fetch_pyperformance"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fetch_pyperformance", loader))
    loader.exec_module(module)
    return module.programs()


class Failed(Exception):
    """A measured process did not end well; the text is its last line on stderr."""


def clean_environment():
    """PYTHONHASHSEED is fixed so that both sides do the same work; the rest of PYTHON* would change what is measured."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env["PYTHONHASHSEED"] = "0"
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    return env


def run_once(interpreter, program, options):
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result.json")
        wish = {"path": program.path, "argv": program.argv, "check": program.check, "seconds": options.seconds, "core": options.core, "result": result}
        command = interpreter + [os.path.join(HERE, "harness.py"), json.dumps(wish)]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=clean_environment(), timeout=options.timeout)
        except subprocess.TimeoutExpired:
            raise Failed("no end after %g s" % options.timeout) from None
        if done.returncode != 0 or not os.path.exists(result):
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise Failed("status %d: %s" % (done.returncode, lines[-1] if lines else "nothing on stderr"))
        with open(result) as f:
            (measured,) = json.load(f).values()
        measured["stdout"] = done.stdout.decode(errors="replace")[:2000]
        return measured


def combine(runs, statistic):
    pick = min if statistic == "best" else statistics.median
    return {
        "steady": pick(r[statistic] for r in runs),
        "first": pick(r["first"] for r in runs),
        "peak_kib": min((r["peak_kib"] for r in runs if r["peak_kib"]), default=None),
        "runs": runs,
    }


def measure(program, sides, options):
    """A row: the combined measurements of both sides, ratios, whether the results agree; or the error."""
    runs = {"base": [], "coluber": []}
    try:
        for _ in range(options.processes):
            for side in ("base", "coluber"):
                runs[side].append(run_once(sides[side], program, options))
    except Failed as e:
        return {"name": program.name, "group": program.group, "error": "%s: %s" % (side, e)}
    base, coluber = (combine(runs[s], options.statistic) for s in ("base", "coluber"))
    results = {(r["state"], r["checked"]) for rs in runs.values() for r in rs}
    return {
        "name": program.name, "group": program.group, "base": base, "coluber": coluber,
        "speed": base["steady"] / coluber["steady"], "first": base["first"] / coluber["first"],
        "memory": coluber["peak_kib"] / base["peak_kib"] if base["peak_kib"] and coluber["peak_kib"] else None,
        "same": len(results) == 1,
    }


def milliseconds(seconds):
    return "%.4g" % (seconds * 1e3)


HEADINGS = ("program", "base ms", "coluber ms", "speed", "first", "memory", "same")
LINE = "%-26s %10s %11s %8s %8s %8s  %s"


def row_text(row):
    if "error" in row:
        return "%-26s %s" % (row["name"], "FAILED " + row["error"])
    return LINE % (row["name"], milliseconds(row["base"]["steady"]), milliseconds(row["coluber"]["steady"]), "%.2fx" % row["speed"], "%.2fx" % row["first"],
                   "%.2f" % row["memory"] if row["memory"] else "?", "yes" if row["same"] else "NO")


def summary(rows):
    """Geometric mean, median and the worst of each ratio, for all rows and for each group."""
    out = {}
    for group in ["all"] + sorted({r["group"] for r in rows}):
        chosen = [r for r in rows if "error" not in r and group in ("all", r["group"])]
        if not chosen:
            continue
        out[group] = {}
        for key in ("speed", "first", "memory"):
            values = sorted((r[key], r["name"]) for r in chosen if r[key])
            if not values:
                continue
            worst = values[-1] if key == "memory" else values[0]
            out[group][key] = {
                "geomean": math.exp(sum(math.log(v) for v, _ in values) / len(values)),
                "median": statistics.median(v for v, _ in values), "worst": worst[0], "worst_program": worst[1], "programs": len(values),
            }
    return out


def print_summary(total):
    print()
    for group, ratios in total.items():
        for key, s in ratios.items():
            print("%-8s %-7s geomean %.2f  median %.2f  worst %.2f (%s)  of %d" % (group, key, s["geomean"], s["median"], s["worst"], s["worst_program"], s["programs"]))


# -- start-up

STARTUP = {
    "-c pass": ["-c", "pass"],
    "-I -S -c pass": ["-I", "-S", "-c", "pass"],
    "-c 'import json, re'": ["-c", "import json, re"],
}
PEAK = "print(next(l.split()[1] for l in open('/proc/self/status') if l[:6] == 'VmHWM:'))"


def on_core(core):
    return None if core is None else lambda: os.sched_setaffinity(0, {core})


def startup(sides, options):
    """Rows with the best and median seconds from fork to exit of tiny programs, alternating, and the peak memory of the first."""
    rows = []
    turns = options.startup_runs
    pin = on_core(options.core)
    env = clean_environment()
    for name, arguments in STARTUP.items():
        times = {"base": [], "coluber": []}
        for turn in range(turns + 2):
            for side, command in sides.items():
                start = time.perf_counter()
                subprocess.run(command + arguments, check=True, stdin=subprocess.DEVNULL, preexec_fn=pin, env=env)
                seconds = time.perf_counter() - start
                if turn >= 2:  # the first two fill the page cache
                    times[side].append(seconds)
        peaks = {side: min(int(subprocess.run(command + arguments[:-1] + [arguments[-1] + "\n" + PEAK], check=True, capture_output=True, env=env).stdout)
                           for _ in range(3)) for side, command in sides.items()}
        row = {"name": name, "memory": peaks["coluber"] / peaks["base"], "peak_kib": peaks}
        for statistic, pick in (("best", min), ("median", statistics.median)):
            row[statistic] = {side: pick(t) for side, t in times.items()}
            row[statistic]["ratio"] = row[statistic]["coluber"] / row[statistic]["base"]
        rows.append(row)
        print("%-24s base %s ms, coluber %s ms (medians %s, %s): time %.3f of base (median %.3f), memory %.3f (%d, %d KiB)" % (
            name, milliseconds(row["best"]["base"]), milliseconds(row["best"]["coluber"]), milliseconds(row["median"]["base"]), milliseconds(row["median"]["coluber"]),
            row["best"]["ratio"], row["median"]["ratio"], row["memory"], peaks["base"], peaks["coluber"]), flush=True)
    return rows


def interpreter(text):
    """A command from `--base` or `--coluber`: an executable, found on PATH or by its path, perhaps with options behind it."""
    words = shlex.split(text)
    path = shutil.which(words[0])
    if path is None:
        sys.exit("bench: there is no executable %s" % words[0])
    return [os.path.abspath(path)] + words[1:]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--base", default="/usr/bin/python3.11", help="the reference Python; options may follow in the same word: 'python3.11 -S'")
    p.add_argument("--coluber", help="the executable under test, likewise: 'coluber -X jit=off'")
    p.add_argument("--only", default="all", help="names and groups (own, numeric, mixed, pyperformance), with commas between")
    p.add_argument("--seconds", type=float, default=3.0, help="measuring time of each process")
    p.add_argument("--processes", type=int, default=3, help="processes of each program and side")
    p.add_argument("--quick", action="store_true", help="one process of half a second each: rough numbers")
    p.add_argument("--statistic", choices=("best", "median"), default="best")
    p.add_argument("--core", type=int, default=None, help="the core to run on; the last one allowed if not given, -1 for no pinning")
    p.add_argument("--timeout", type=float, default=300, help="seconds for one process")
    p.add_argument("--startup", action="store_true", help="measure start-up instead of the programs")
    p.add_argument("--startup-runs", type=int, default=40)
    p.add_argument("--json", help="write everything measured to this file")
    p.add_argument("--list", action="store_true", help="print the names of the programs")
    options = p.parse_args()
    if options.list:
        for program in catalogue.own():
            print("%-26s own" % program.name)
        for name, entry in catalogue.PYPERFORMANCE.items():
            print("%-26s %s" % (name, entry[0]))
        return 0
    if not options.coluber:
        p.error("--coluber is missing")
    if options.quick:
        options.seconds, options.processes, options.startup_runs = 0.5, 1, 10
    if options.core is None:
        options.core = max(os.sched_getaffinity(0))
    elif options.core < 0:
        options.core = None
    sides = {"base": interpreter(options.base), "coluber": interpreter(options.coluber)}
    document = {"base": sides["base"], "coluber": sides["coluber"], "seconds": options.seconds, "processes": options.processes, "statistic": options.statistic}
    if options.startup:
        document["startup"] = startup(sides, options)
        failed = False
    else:
        try:
            programs = catalogue.choose(options.only.split(","), fetch)
        except KeyError as e:
            p.error("no program or group %s; --list prints them" % e)
        print(LINE % HEADINGS, flush=True)
        rows = []
        for program in programs:
            rows.append(measure(program, sides, options))
            print(row_text(rows[-1]), flush=True)
        document["programs"] = rows
        document["summary"] = summary(rows)
        print_summary(document["summary"])
        failed = any("error" in r or not r["same"] for r in rows)
    if options.json:
        with open(options.json, "w") as f:
            json.dump(document, f, indent=1)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
