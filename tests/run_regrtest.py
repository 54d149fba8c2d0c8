"""Runs the base Python's own regression suite under the base Python and under coluber, and compares them test by test.

    python3.11 tests/run_regrtest.py --coluber target/release/coluber [--jit off] [--core | test_a test_b ...]

Each test file runs in a fresh process (`python -m test --junit-xml`). Compared are the outcome of every test method and that
of the file itself (ended well, failed, crashed, ran out of time). A file that differs is run again on both sides: a test
whose outcome is the other side's in one of its runs is flaky, not different. Differences that are outside our power stand
in `regrtest_expected.txt` with their reason; one that is gone is reported too.

Run by `make regrtest` and, with --core, by `make test`, with the base Python. What the base did is kept under build/regrtest;
--refresh runs it again. Ends with `N passed, N failed`, where a test passes that has the base's outcome.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPECTED = ROOT / "tests/regrtest_expected.txt"
KEPT = ROOT / "build/regrtest"

# Statuses of `python -m test --fail-env-changed`; the others are its own faults.
STATUSES = {0: "ended well", 2: "failed", 3: "changed its environment", 4: "ran no test"}
# Children in a JUnit testcase that say that it did not simply pass.
MARKS = {"error": "error", "failure": "failed", "skipped": "skipped", "output": "failed as expected"}
ABSENT = "without outcome"  # not run, or a sub-test of it failed, of which the report says nothing
# Hand-overs to CPython's evaluator that are meant to be: it runs what is traced, and sub-interpreters.
MEANT = {"tracing", "sub_interpreter"}
LINES = 12  # of what a test or a crash said, shown

# What `make test` runs: the files that exercise the evaluator and end soon.
CORE = """
    test_grammar
""".split()


@dataclasses.dataclass
class Outcome:
    """What one test file came to, on one side."""

    file: str  # one of STATUSES, a signal, or no end
    seconds: float
    tests: dict  # test: "passed" or one of MARKS
    said: dict  # test: the last lines of what went wrong; the file's under its own name
    handovers: dict  # reason: count, in all processes that ended normally

    def whole(self):
        """Whether the tests are all there to be compared."""
        return self.file in STATUSES.values()


class Side:
    """One executable with an environment."""

    def __init__(self, executable, environment, resources, seconds):
        self.executable, self.environment, self.seconds = executable, environment, seconds
        self.use = ["-u", resources] if resources else []

    def run(self, name):
        # A short path: sockets are made in it. Both sides never share one.
        with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
            return self.run_in(pathlib.Path(folder), name)

    def run_in(self, folder, name):
        report, stats, work = folder / "junit.xml", folder / "stats", folder / "t"
        stats.mkdir()
        work.mkdir()
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("COLUBER", "PYTHON"))}
        environment |= {"TMPDIR": str(work), "COLUBER_JIT_STATS": f"{stats}/%p"} | self.environment
        command = [self.executable, "-m", "test", "--fail-env-changed", "--tempdir", str(work), "--junit-xml", str(report)]
        start = time.perf_counter()
        with open(folder / "output", "w+b") as output:
            process = subprocess.Popen(
                [*command, *self.use, name], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=environment, cwd=work, start_new_session=True,
            )  # fmt: skip
            try:
                file = ending(process.wait(self.seconds))
            except subprocess.TimeoutExpired:
                file = f"no end within {self.seconds} s"
            try:  # with all that it left behind
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            seconds = round(time.perf_counter() - start, 1)
            output.seek(0)
            said = last_lines(output.read().decode(errors="backslashreplace"))
        tests, messages = parse(report)
        return Outcome(file, seconds, tests, messages | {name: said}, handovers(stats))


def ending(status):
    if status < 0:
        return f"died of {signal.Signals(-status).name}"
    return STATUSES.get(status, f"ended with status {status}")


def last_lines(text):
    return [line[:300] for line in text.strip().splitlines()[-LINES:]]


def parse(report):
    """(outcome, what it said) of each test in a JUnit file. A test that ran several times has its worst outcome."""
    tests, said = {}, {}
    if not report.exists():
        return tests, said
    # A test may have printed what XML can't hold.
    text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", report.read_text(errors="replace"))
    for case in xml.etree.ElementTree.fromstring(text).iter("testcase"):
        if "name" not in case.attrib:  # left by an error that is no test's, such as in a sub-test
            continue
        name = re.sub("0x[0-9a-f]+", "0x…", case.attrib["name"].removeprefix("test."))
        marks = [child.tag for child in case if child.tag in MARKS]
        outcome = MARKS[marks[0]] if marks else "passed"
        if case.find("outcome") is not None:
            outcome = "passed unexpectedly"
        if outcome != "passed" or name not in tests:
            tests[name] = outcome
        if marks:
            said[name] = last_lines(case.find(marks[0]).text or "")
    return tests, said


def handovers(stats):
    """Sums over the processes that wrote statistics."""
    total = collections.Counter()
    for path in stats.iterdir():
        try:
            total.update(json.loads(path.read_text())["handovers"])
        except ValueError:  # it was killed while it wrote
            pass
    return dict(total)


class Base:
    """The base Python: runs each file once per version and remembers."""

    def __init__(self, side, refresh):
        self.side, self.refresh = side, refresh
        key = hashlib.sha256(repr((side.executable, sys.version, side.use)).encode()).hexdigest()[:8]
        self.folder = KEPT / f"{sys.version.split()[0]}-{key}"
        self.folder.mkdir(parents=True, exist_ok=True)

    def kept(self, name):
        try:
            return Outcome(**json.loads((self.folder / f"{name}.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def run(self, name):
        outcome = None if self.refresh else self.kept(name)
        if outcome is None:
            outcome = self.side.run(name)
            path = self.folder / f"{name}.json"
            path.with_suffix(".new").write_text(json.dumps(dataclasses.asdict(outcome)))
            path.with_suffix(".new").rename(path)
        return outcome


def compare(name, base, ours):
    """{test or file: (outcome of the base, ours)} where they are not the same."""
    if not (base.whole() and ours.whole()):
        return {name: (base.file, ours.file)} if base.file != ours.file else {}
    pairs = {test: (base.tests.get(test, ABSENT), ours.tests.get(test, ABSENT)) for test in base.tests | ours.tests}
    different = {test: pair for test, pair in pairs.items() if pair[0] != pair[1]}
    # A file fails because a test does; what is known of that need not be said twice.
    if base.file != ours.file and not different:
        different = {name: (base.file, ours.file)}
    return different


def outcome_of(outcome, name, test):
    """Of a test or, under its name, of the file."""
    if test == name:
        return outcome.file
    return outcome.tests.get(test, ABSENT) if outcome.whole() else outcome.file


@dataclasses.dataclass
class Report:
    """What the comparison of one file came to."""

    name: str
    tests: int
    different: dict  # test: (outcome of the base, ours), in each of two runs
    flaky: dict
    base: Outcome
    ours: Outcome


def check(name, base, ours):
    first, second = base.run(name), ours.run(name)
    different = compare(name, first, second)
    flaky = {}
    if different:
        again = base.side.run(name), ours.run(name)
        for test in list(different):
            seen = [{outcome_of(outcome, name, test) for outcome in side} for side in ((first, again[0]), (second, again[1]))]
            if seen[0] & seen[1]:
                flaky[test] = different.pop(test)
    return Report(name, len(first.tests | second.tests), different, flaky, first, second)


class Expected:
    """The list of differences that are outside our power: `pattern  reason` lines."""

    def __init__(self):
        lines = [line.split("#")[0].split(None, 1) for line in EXPECTED.read_text().splitlines()]
        self.reasons = {line[0]: line[1:] for line in lines if line}
        self.seen = dict.fromkeys(self.reasons, 0)  # how many tests that it means ran
        self.met = dict.fromkeys(self.reasons, 0)  # how many differed
        if nameless := [pattern for pattern, reason in self.reasons.items() if not reason]:
            sys.exit(f"{EXPECTED}: no reason for {', '.join(nameless)}")

    def take(self, report):
        """Takes the expected ones out of the report."""
        met = set()
        for pattern in self.reasons:
            hits = [test for test in report.different if fnmatch.fnmatchcase(test, pattern)]
            met.update(hits)
            self.met[pattern] += len(hits) + len([test for test in report.flaky if fnmatch.fnmatchcase(test, pattern)])
            self.seen[pattern] += len(fnmatch.filter({report.name, *report.base.tests}, pattern))
        for test in met:
            del report.different[test]
        return len(met)

    def gone(self):
        return [pattern for pattern in self.reasons if self.seen[pattern] and not self.met[pattern]]


def compare_all(names, base, ours, jobs):
    """Runs all files, says what differs, and answers (passed, failed)."""
    expected, reports = Expected(), []
    known = {name: kept.seconds if (kept := base.kept(name)) else 0 for name in names}
    lock, done = threading.Lock(), 0

    def one(name):
        nonlocal done
        report = check(name, base, ours)
        with lock:
            done += 1
            marks = f", {len(report.different)} differ" if report.different else ""
            times = f"{report.base.seconds:.1f} s, {report.ours.seconds:.1f} s"
            print(f"[{done}/{len(names)}] {name}: {report.tests} tests, {times}{marks}", file=sys.stderr, flush=True)
        return report

    # The longest first, so that none of them is left alone at the end.
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        reports = sorted(pool.map(one, sorted(names, key=lambda name: -known[name])), key=lambda report: report.name)

    meant = failed = 0
    for report in reports:
        meant += expected.take(report)
        failed += len(report.different)
        for test, (was, now) in sorted(report.different.items()):
            print(f"DIFFERS {test}: {was} under the base, {now} under coluber", end="")
            lines = report.ours.said.get(test) or report.base.said.get(test) or report.ours.said[report.name]
            print("", *lines, sep="\n    ", flush=True)
    for report in reports:
        for test, (was, now) in sorted(report.flaky.items()):
            print(f"flaky {test}: {was} under the base, {now} under coluber, but not each time")
    total = collections.Counter()
    for report in reports:
        total.update(report.ours.handovers)
        for reason in report.ours.handovers.keys() - MEANT:
            failed += 1
            print(f"HANDED OVER {report.name}: {report.ours.handovers[reason]} frames at {reason}")
    for pattern in expected.gone():
        failed += 1
        print(f"EXPECTED {pattern}: it does not differ any more")
    print("hand-overs to CPython's evaluator:", ", ".join(f"{reason} {n}" for reason, n in total.most_common()) or "none")
    tests = sum(report.tests for report in reports)
    flaky = sum(len(report.flaky) for report in reports)
    print(f"{len(reports)} files, {tests} tests: {failed} differ, {meant} differ as expected, {flaky} flaky")
    return tests - failed - meant, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--coluber", required=True)
    parser.add_argument("--jit", default="off", help="off, on, stress; or several, with commas")
    parser.add_argument("--threshold", help="COLUBER_JIT_THRESHOLD")
    parser.add_argument("--core", action="store_true", help="only the chosen core of the suite")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=int, default=900, help="for one test file")
    parser.add_argument("--resources", help="what `python -m test -u` takes")
    parser.add_argument("--refresh", action="store_true", help="run the base Python again")
    parser.add_argument("name", nargs="*", help="test files; all of them by default")
    options = parser.parse_args()

    listed = subprocess.run([sys.executable, "-m", "test", "--list-tests"], capture_output=True, text=True)
    if listed.returncode:
        sys.exit(f"{sys.executable} has no regression suite (Debian: apt-get install libpython3.11-testsuite)")
    names = CORE if options.core else options.name or listed.stdout.split()
    if missing := [name for name in names if name not in listed.stdout.split()]:
        sys.exit(f"no such test files: {' '.join(missing)}")

    base = Base(Side(sys.executable, {}, options.resources, options.seconds), options.refresh)
    passed = failed = 0
    for jit in options.jit.split(","):
        print(f"-- {len(names)} test files, jit {jit}", flush=True)
        environment = {"COLUBER_JIT": jit} | ({"COLUBER_JIT_THRESHOLD": options.threshold} if options.threshold else {})
        ours = Side(os.path.abspath(options.coluber), environment, options.resources, options.seconds)
        counts = compare_all(names, base, ours, options.jobs)
        passed, failed = passed + counts[0], failed + counts[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
