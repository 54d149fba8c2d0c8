"""Measures start-up: seconds from fork to exit of tiny programs, and their peak memory.

Who calls it: `bench.py --startup`. Ratios are column / base: above 1 a column needs more.
"""

import os
import statistics
import subprocess
import time

PROGRAMS = {
    "-c pass": ["-c", "pass"],
    "-I -S -c pass": ["-I", "-S", "-c", "pass"],
    "-c 'import json, re'": ["-c", "import json, re"],
}
ENABLE = "import coluber; coluber.jit.enable()\n"
PEAK = "\nprint(next(l.split()[1] for l in open('/proc/self/status') if l[:6] == 'VmHWM:'))"
WARM_UPS = 2  # they fill the page cache


def measure(sides, options):
    """Rows with the best and median seconds, the sides taking turns, and the peak memory; each is printed as it is done."""
    return [row(name, *arguments, sides, options) for name, arguments in ((name, (words[:-1], words[-1])) for name, words in PROGRAMS.items())]


def row(name, words, code, sides, options):
    pin = None if options.core is None else lambda: os.sched_setaffinity(0, {options.core})

    def command(side, after=""):
        # -I hides PYTHONPATH, and so the extension module.
        before = ENABLE if side.extension and "-I" not in words else ""
        return side.command + words + [before + code + after]

    times = {side.name: [] for side in sides}
    for turn in range(options.startup_runs + WARM_UPS):
        for side in sides:
            start = time.perf_counter()
            subprocess.run(command(side), check=True, stdin=subprocess.DEVNULL, preexec_fn=pin, env=side.environment())
            if turn >= WARM_UPS:
                times[side.name].append(time.perf_counter() - start)
    peaks = {side.name: min(int(subprocess.run(command(side, PEAK), check=True, capture_output=True, env=side.environment()).stdout) for _ in range(3)) for side in sides}
    measured = {"name": name, "peak_kib": peaks, "best": {s: min(t) for s, t in times.items()}, "median": {s: statistics.median(t) for s, t in times.items()}}
    print("%-22s base %.2f ms (median %.2f), %d KiB" % (name, measured["best"]["base"] * 1e3, measured["median"]["base"] * 1e3, peaks["base"]))
    for side in sides[1:]:
        best, median = (measured[kind][side.name] / measured[kind]["base"] for kind in ("best", "median"))
        print("%22s %-8s time %.3f of base (median %.3f), memory %.3f" % ("", side.name, best, median, peaks[side.name] / peaks["base"]), flush=True)
    return measured
