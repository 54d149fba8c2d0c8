"""Fails every guard of every trace once, on purpose, and compares the frames that its exit rebuilds with the interpreter's.

    python3.11 tests/force_guards.py --coluber target/release/coluber [--only nbody,own] [differential programs ...]

Who runs it: `make force-guards` (all), `make test` (the programs of `SHORT`). Each program runs under the base Python and under coluber with
`-X jit-force-guards` (see tracer/src/driver/forced/) and a low threshold; it must print the same, and no guard may rebuild
other frames. Programs: those of tests/differential, and with `--only` names or groups of benchmarks/bench.py, of which
each runs one iteration and a few more; pyperformance is fetched when it isn't there.

A row says how many guards there were, how many were failed and compared (between two instructions + within one), and why the others
were not (`Cause` in tracer/src/driver/forced/mod.rs; `--list` tells of each). Ends with `N passed, N failed`.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIFFERENTIAL = ROOT / "tests/differential"
BENCHMARKS = ROOT / "benchmarks"
THRESHOLD = "4"

# What `make test` has time for: calls inlined and not, exceptions, deaths, iterators, boxes, classes that change, operands that die.
SHORT = (
    "bool_arithmetic", "class_changed_in_mid_loop", "closures_and_cells", "comparison_chains", "object_death_in_hot_loop",
    "identity_of_numbers", "int_add_crosses_word_sizes", "membership_walrus_fstrings", "methods_and_super", "nested_loops_varying_trip_count",
    "own_callables",
)


def clean_environment(**more):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COLUBER", "PYTHON"))}
    return environment | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"} | more


class Script:
    """A program of tests/differential: what it prints and its status have to be the same."""

    def __init__(self, path):
        self.name, self.path = path.stem, path

    def outcome(self, executable, environment, seconds):
        done = subprocess.run(
            [executable, self.path.name], cwd=self.path.parent, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds
        )
        return done.returncode, done.stdout


class Benchmark:
    """A program of bench.py's, run by its harness: the state after the first iteration, and the final check, have to be the same."""

    def __init__(self, program):
        self.name, self.program = program.name, program

    def outcome(self, executable, environment, seconds):
        p = self.program
        with tempfile.TemporaryDirectory() as folder:
            result = os.path.join(folder, "result.json")
            wish = {"path": p.path, "argv": p.argv, "check": p.check, "benchmark": p.benchmark, "call": p.call, "folders": p.folders}
            wish |= {"extension": False, "seconds": 0.01, "result": result}
            command = [executable, str(BENCHMARKS / "harness.py"), json.dumps(wish)]
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
            if done.returncode:
                return done.returncode, done.stderr[-300:]
            with open(result) as f:
                measured = json.load(f)
            return 0, measured["state"], measured["checked"]


def benchmarks(wanted):
    sys.path.insert(0, str(BENCHMARKS))
    import catalogue
    import fetch

    programs = catalogue.choose(wanted)
    names = {name for p in programs for name in p.needs} | {"pyperformance" for p in programs if p.group not in ("own", "examples")}
    where = fetch.folders(sorted(names)) if names else {}
    for p in programs:
        p.folders = [where[name] for name in p.needs]
        p.path = os.path.join(where.get("pyperformance", ""), p.path)
    return [Benchmark(p) for p in programs]


def check(coluber, program, seconds):
    """The statistics of forced guards, and what is wrong with the program."""
    try:
        expected = program.outcome(sys.executable, clean_environment(), seconds)
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            asked = {"COLUBER_JIT_FORCE_GUARDS": "1", "COLUBER_JIT_THRESHOLD": THRESHOLD, "COLUBER_JIT_STATS": file.name, "COLUBER_LOG": "off"}
            got = program.outcome(coluber, clean_environment(**asked), seconds)
            text = file.read()
    except subprocess.TimeoutExpired:
        return None, [f"no end within {seconds} s"]
    wrong = [] if got == expected else [f"another outcome than the base Python's: {expected!r} became {got!r}"[:600]]
    if not text:
        return None, wrong or ["no statistics"]
    forced = json.loads(text)["forced_guards"]
    return forced, wrong + forced["differences"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--coluber", required=True)
    parser.add_argument("--only", default="", help="benchmarks: names and groups of bench.py, with commas")
    parser.add_argument("--short", action="store_true", help="only what `make test` has time for")
    parser.add_argument("--seconds", type=float, default=600, help="for one program")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="tell of each guard that was not failed")
    parser.add_argument("name", nargs="*", help="programs of tests/differential, without .py; all by default, none with --only")
    options = parser.parse_args()
    coluber = os.path.abspath(options.coluber)
    names = options.name or (SHORT if options.short else () if options.only else sorted(p.stem for p in DIFFERENTIAL.glob("*.py")))
    programs = [Script(DIFFERENTIAL / f"{name}.py") for name in names]
    programs += benchmarks(options.only.split(",")) if options.only else []

    causes = "not_entered", "not_reached", "behind_failing", "not_followed", "child_ended", "outside", "threads"
    heads = "guards", "failed", "+within", *(cause.replace("_", " ") for cause in causes), "differ"
    print(f"{'':36}" + "".join(f" {head:>12}" for head in heads))
    sums = [0] * len(heads)
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda program: check(coluber, program, options.seconds), programs)
        for program, (forced, wrong) in zip(programs, results):
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if forced:
                row = [forced[name] for name in ("guards", "compared", "compared_within_an_instruction")]
                row += [forced["not_failed"].get(cause, 0) for cause in causes] + [forced["different"]]
                sums = [a + b for a, b in zip(sums, row)]
                print(f"{program.name:36}" + "".join(f" {n:12}" for n in row), flush=True)
                for guard, n in collections.Counter(forced["not_failed_guards"]).items() if options.list else ():
                    print(f"  {n} {guard}", flush=True)
            for line in wrong[:6]:
                print(f"  FAILED {program.name}: {line[:800]}", flush=True)
    print(f"{'all':36}" + "".join(f" {n:12}" for n in sums))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
