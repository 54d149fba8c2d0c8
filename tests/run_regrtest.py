"""Runs the base Python's own regression suite under the base Python and under coluber, and compares them test by test.

    python3.11 tests/run_regrtest.py --coluber target/release/coluber [--jit off] [--core | test_a test_b ...]

Each test file runs in a fresh process (`python -m test --junit-xml`). Compared are the outcome of every test method and that
of the file itself (ended well, failed, crashed, ran out of time). A file that differs is run again on both sides: a test
whose outcome is the other side's in one of its runs is flaky, not different, unless coluber crashed. In a hunt for leaks the
second run warms up for longer: what leaks goes on to leak, code that got warm does not. Differences that are
outside our power stand in `regrtest_expected.txt` with their reason; one that is gone is reported too.

Run by `make regrtest` and, with --core, by `make test`, with the base Python. What the base did is kept under build/regrtest;
--refresh runs it again. Ends with `N passed, N failed`, where a test passes that has the base's outcome.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import fnmatch
import functools
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
LEAKS = ROOT / "tests/find_leaks.py"
LONGER = 4  # times the runs to warm up, and the seconds, where a hunt differs
KEPT = ROOT / "build/regrtest"

# Statuses of `python -m test --fail-env-changed`; the others are its own faults.
STATUSES = {0: "ended well", 2: "failed", 3: "changed its environment", 4: "ran no test"}
# Children in a JUnit testcase that say that it did not simply pass.
MARKS = {"error": "error", "failure": "failed", "skipped": "skipped", "output": "failed as expected"}
ABSENT = "without outcome"  # not run, or a sub-test of it failed, of which the report says nothing
# Hand-overs to CPython's evaluator that are meant to be: it runs sub-interpreters.
MEANT = {"sub_interpreter"}
LINES = 12  # of what a test or a crash said, shown

# What `make test` runs: the files that exercise the evaluator and end soon.
CORE = """
    test_array test_asyncgen test_augassign test_binop test_bool test_builtin test_call test_class test_cmath
    test_code test_compare test_complex test_contextlib test_coroutines test_decorators test_descr test_dict
    test_dictcomps test_dictviews test_dynamic test_enumerate test_except_star test_exception_group
    test_exception_variations test_exceptions test_extcall test_float test_frame test_fstring test_funcattrs test_gc
    test_generator_stop test_generators test_genexps test_global test_grammar test_inspect test_int test_isinstance
    test_iter test_iterlen test_itertools test_keywordonlyarg test_list test_listcomps test_long test_math
    test_metaclass test_named_expressions test_opcodes test_operator test_patma test_peepholer
    test_positional_only_arg test_pow test_property test_raise test_range test_richcmp test_scope test_set
    test_setcomps test_slice test_string test_super test_syntax test_sys test_sys_setprofile test_sys_settrace
    test_traceback test_tuple test_typechecks test_types test_unary test_unpack test_unpack_ex test_userdict
    test_userlist test_weakset test_with test_yield_from
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
    """One executable with an environment. `again` is the side that runs a file which differs for the second time."""

    def __init__(self, executable, environment, options, seconds, runner=("-m", "test"), again=None):
        self.executable, self.environment, self.seconds = executable, environment, seconds
        self.options, self.runner = options, runner  # what `python -m test` takes, and what is run in its place
        self.again = again or self

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
        command = [self.executable, *self.runner, "--fail-env-changed", "--tempdir", str(work), "--junit-xml", str(report)]
        start = time.perf_counter()
        with open(folder / "output", "w+b") as output:
            process = subprocess.Popen(
                [*command, *self.options, name], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
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
    """The base Python: runs each file once per version and remembers.

    While leaks are hunted, `ordinary` is the base that doesn't: a file that comes to the same there as ours in the hunt
    needs no hunt by the base, which would take several times as long."""

    def __init__(self, side, refresh, ordinary=None):
        self.side, self.refresh, self.ordinary = side, refresh, ordinary
        # What a hunt came to is worth as much as the hunter: another text of it, another folder.
        scripts = [pathlib.Path(word).read_text() for word in side.runner if word == str(LEAKS)]
        key = hashlib.sha256(repr((side.executable, sys.version, side.options, *scripts)).encode()).hexdigest()[:8]
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
    second = ours.run(name)
    first = (base.ordinary or base).run(name)
    different = compare(name, first, second)
    if base.ordinary and different:
        first = base.run(name)
        different = compare(name, first, second)
    flaky = {}
    if different:
        again = base.side.again.run(name), ours.again.run(name)
        for test in list(different):
            theirs = {outcome_of(outcome, name, test) for outcome in (first, again[0])}
            mine = {outcome_of(outcome, name, test) for outcome in (second, again[1])}
            if theirs & mine and not any(outcome.startswith("died") for outcome in mine - theirs):
                flaky[test] = different.pop(test)
    return Report(name, len(first.tests | second.tests), different, flaky, first, second)


@dataclasses.dataclass
class Expected:
    """A difference that is outside our power: a line of the list."""

    pattern: str
    always: bool  # else it only may differ
    ran: int = 0  # tests that it means
    differed: int = 0

    def take(self, report):
        """Takes what it means out of the report."""
        self.ran += len(fnmatch.filter({report.name, *report.base.tests}, self.pattern))
        self.differed += len(fnmatch.filter(report.different | report.flaky, self.pattern))
        for test in fnmatch.filter(report.different, self.pattern):
            del report.different[test]

    def gone(self):
        return self.always and self.ran and not self.differed


def read_expected(jit):
    entries = []
    for number, line in enumerate(EXPECTED.read_text().splitlines(), 1):
        match line.split(None, 2):
            case [] | ["#", *_]:
                pass
            case [pattern, "always" | "may" | "jit" as when, _]:
                if when != "jit" or jit != "off":
                    entries.append(Expected(pattern, when == "always"))
            case _:
                sys.exit(f"{EXPECTED}:{number}: not `test always|may|jit reason`")
    return entries


def show(report):
    """Says what differs in one file."""
    for test, (was, now) in sorted(report.different.items()):
        lines = report.ours.said.get(test) or report.base.said.get(test) or report.ours.said[report.name]
        print(f"DIFFERS {test}: {was} under the base, {now} under coluber", *lines, sep="\n    ")
    for test, (was, now) in sorted(report.flaky.items()):
        print(f"flaky {test}: {was} under the base, {now} under coluber, but not each time")
    for reason in sorted(report.ours.handovers.keys() - MEANT):
        print(f"HANDED OVER {report.name}: {report.ours.handovers[reason]} frames at {reason}")
    sys.stdout.flush()


def compare_all(names, base, ours, jobs, expected):
    """Runs all files, says what differs, and answers (passed, failed)."""
    known = {name: kept.seconds if (kept := (base.ordinary or base).kept(name)) else 0 for name in names}
    lock, counts, handovers = threading.Lock(), collections.Counter(), collections.Counter()

    def one(name):
        report = check(name, base, ours)
        with lock:
            differ = len(report.different)
            for entry in expected:
                entry.take(report)
            counts.update(
                files=1, tests=report.tests, flaky=len(report.flaky), expected=differ - len(report.different),
                failed=len(report.different) + len(report.ours.handovers.keys() - MEANT),
            )  # fmt: skip
            handovers.update(report.ours.handovers)
            times = f"{report.base.seconds:.1f} s, {report.ours.seconds:.1f} s"
            print(f"[{counts['files']}/{len(names)}] {name}: {report.tests} tests, {times}", file=sys.stderr, flush=True)
            show(report)

    # The longest first, so that none of them is left alone at the end.
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, sorted(names, key=lambda name: -known[name])))

    for entry in expected:
        if entry.gone():
            counts["failed"] += 1
            print(f"EXPECTED {entry.pattern}: it does not differ any more")
    total = ", ".join(f"{reason} {n}" for reason, n in handovers.most_common()) or "none"
    print(f"hand-overs to CPython's evaluator: {total}")
    c = counts
    print(f"{c['files']} files, {c['tests']} tests: {c['failed']} differ, {c['expected']} differ as expected, {c['flaky']} flaky")
    return c["tests"] - c["failed"] - c["expected"], c["failed"]


def leak_runs(text):
    """What `python -m test -R` takes: two numbers above 0. It says nothing of others that is seen here."""
    if not re.fullmatch("[1-9][0-9]*:[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 3:3")
    return tuple(map(int, text.split(":")))


def hunter(executable, environment, options, seconds, leaks):
    """The side that hunts for leaks, and after a difference with LONGER times the runs to warm up."""
    warmup, counted = leaks

    def side(warmup, seconds, again=None):
        hunt = [*options, "-R", f"{warmup}:{counted}"]
        return Side(executable, environment, hunt, seconds, (str(LEAKS),), again)

    return side(warmup, seconds, side(LONGER * warmup, LONGER * seconds))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--coluber", required=True)
    parser.add_argument("--jit", default="off", help="off, on, stress; or several, with commas")
    parser.add_argument("--threshold", help="COLUBER_JIT_THRESHOLD")
    parser.add_argument("--core", action="store_true", help="only the chosen core of the suite")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=int, default=900, help="for one test file")
    parser.add_argument("--leaks", metavar="WARMUP:RUNS", type=leak_runs, help="hunt for leaks as `python -m test -R` does: a file fails if each run leaks")
    parser.add_argument("--resources", help="what `python -m test -u` takes")
    parser.add_argument("--ignore", action="append", default=[], help="a pattern of tests not to run, e.g. one that hangs here")
    parser.add_argument("--refresh", action="store_true", help="run the base Python again")
    parser.add_argument("name", nargs="*", help="test files; all of them by default")
    options = parser.parse_args()
    # What started us in the background may have had SIGINT ignored, which children would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    listed = subprocess.run([sys.executable, "-m", "test", "--list-tests"], capture_output=True, text=True)
    if listed.returncode:
        sys.exit(f"{sys.executable} has no regression suite (Debian: apt-get install libpython3.11-testsuite)")
    files = listed.stdout.split()
    wanted = CORE if options.core else options.name
    names = files
    if wanted:
        # From some 3.11.x on, some files are folders of files.
        found = {name: [file for file in files if file == name or file.startswith(f"test.{name}.")] for name in wanted}
        if missing := [name for name in wanted if not found[name]]:
            sys.exit(f"no such test files: {' '.join(missing)}")
        names = sum(found.values(), [])

    suite = ["-u", options.resources] if options.resources else []
    suite += [word for pattern in options.ignore for word in ("-i", pattern)]
    side = functools.partial(hunter, leaks=options.leaks) if options.leaks else Side
    base = Base(Side(sys.executable, {}, suite, options.seconds), options.refresh)
    if options.leaks:
        base = Base(side(sys.executable, {}, suite, options.seconds), options.refresh, ordinary=base)
    passed = failed = 0
    for jit in options.jit.split(","):
        print(f"-- {len(names)} test files, jit {jit}", flush=True)
        environment = {"COLUBER_JIT": jit} | ({"COLUBER_JIT_THRESHOLD": options.threshold} if options.threshold else {})
        ours = side(os.path.abspath(options.coluber), environment, suite, options.seconds)
        counts = compare_all(names, base, ours, options.jobs, read_expected(jit))
        passed, failed = passed + counts[0], failed + counts[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
