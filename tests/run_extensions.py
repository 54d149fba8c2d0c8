"""Runs the tests of extension modules from PyPI, as unmodified binary wheels, under the base Python and under coluber.

    python3.11 tests/run_extensions.py --coluber target/release/coluber [--only greenlet,numpy] [--threshold 20]

Each package of PACKAGES gets two virtual environments under build/extensions, one made by each Python, with the same
versions in both. Its tests lie in the wheel, or come from its sdist, of which only they are copied: what they import is
the wheel. Those of Cython are ours: a source in tests/extensions/cython, which each side compiles. Compared is the outcome
of each test. Files with tests that differ are run again on both sides: a test whose outcome is the other side's in one of
its runs is flaky, not different, unless coluber crashed.

Run by `make extensions` with the base Python. What the base did is kept; --refresh runs it again. Writes
tests/extensions.md from the last result of each package and threshold. Ends with `N passed, N failed`, where a test
passes that has the base's outcome.
"""

import argparse
import dataclasses
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from run_regrtest import ABSENT, Outcome, ending, last_lines

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = ROOT / "build/extensions"
SOURCES = ROOT / "tests/extensions"
TABLE = ROOT / "tests/extensions.md"
COLUBER = "coluber"
BASE = "python3.11"

# A pytest plugin that writes each outcome as it is known: a crash loses none of those before it.
PLUGIN = '''
import json, os

def write(report, outcome):
    with open(os.environ["EXTENSIONS_REPORT"], "a") as file:
        print(json.dumps([report.nodeid, outcome, str(report.longrepr or "")[-3000:]]), file=file)

def pytest_runtest_logreport(report):
    if type(report).__name__ == "SubtestReport":  # the test's own report says whether all went well
        return
    expected = hasattr(report, "wasxfail")
    if report.when != "call" and report.passed:
        return
    if report.skipped:
        write(report, "failed as expected" if expected else "skipped")
    elif report.failed:
        write(report, "failed" if report.when == "call" else "error")
    else:
        write(report, "passed unexpectedly" if expected else "passed")

def pytest_collectreport(report):
    if not report.passed:
        write(report, "not collected" if report.failed else "skipped")
'''


PYTEST = ["-p", "extensions_report", "-p", "no:cacheprovider", "-q", "--continue-on-collection-errors"]


@dataclasses.dataclass
class Package:
    """What is tested, and how."""

    pin: str  # name==version
    tests: list  # files and folders: in site-packages, or where `sdist` or `ours` says
    needs: str = ""  # further requirements of its tests
    sdist: bool = False
    ours: bool = False  # `tests` are in the folder of this name in tests/extensions
    read: list = dataclasses.field(default_factory=list)  # files in the sdist that the tests read
    options: list = dataclasses.field(default_factory=list)  # of pytest
    own: bool = False  # no pytest: each file is a program, by `python -m`, that runs unittest with -v
    known: dict = dataclasses.field(default_factory=dict)  # pattern of tests: why they differ, where we can't help it

    @property
    def name(self):
        return self.pin.partition("==")[0]

    @property
    def version(self):
        return self.pin.partition("==")[2]


# The newest versions with wheels for CPython 3.11.
PACKAGES = [
    Package("greenlet==3.5.6", ["greenlet/tests"], "objgraph psutil"),
    Package("msgpack==1.2.4", ["test"], sdist=True),
    Package("cytoolz==1.2.0", ["cytoolz/tests"]),
    Package("psutil==7.2.2", ["tests"], "setuptools", sdist=True),
    Package("lxml==6.1.3", ["src/lxml/tests"], "cssselect html5lib beautifulsoup4", sdist=True),
    Package(
        "pydantic-core==2.50.5", ["tests"], sdist=True,
        needs="dirty-equals hypothesis inline-snapshot pytest-mock pytest-benchmark pytest-timeout python-dateutil "
        "typing-inspection tzdata numpy pandas",
        options=["--benchmark-disable"],
    ),
    Package(
        "cryptography==50.0.2", ["tests"], sdist=True,
        needs="cryptography_vectors==50.0.2 pretend certifi pytest-benchmark",
        options=["--benchmark-disable"],
    ),
    Package(
        "cffi==2.1.1", ["src/c/test_c.py", "testing"], "setuptools wheel meson ninja", sdist=True,
        read=["src/cffi/parse_c_type.h", "src/c/parse_c_type.c"],
    ),
    Package("gevent==26.9.0", ["gevent/tests/test_*.py"], "requests objgraph psutil dnspython", own=True),
    Package("uvloop==0.23.0", ["tests"], "aiohttp psutil pyOpenSSL", sdist=True),
    Package("cython==3.3.1", ["test_compiled_module.py"], "setuptools", ours=True),
    Package("numpy==2.4.6", ["numpy"], "hypothesis meson ninja setuptools cython"),
]  # fmt: skip


class Side:
    """A Python with a virtual environment of its own for each package."""

    def __init__(self, name, executable, environment, seconds):
        self.name, self.executable, self.environment, self.seconds = name, executable, environment, seconds

    def folder(self, package):
        return BUILT / package.name / self.name

    def python(self, package):
        return self.folder(package) / "bin/python"

    def packages(self, package):
        return self.folder(package) / "lib/python3.11/site-packages"

    def install(self, package, requirements):
        """Makes the environment unless it is there. Answers all that is installed, as pip's requirements."""
        folder, stamp = self.folder(package), self.folder(package) / "installed"
        asked = f"{self.executable}\n{requirements}"
        if not stamp.exists() or stamp.read_text() != asked:
            shutil.rmtree(folder, ignore_errors=True)
            quiet([self.executable, "-m", "venv", folder])
            pip(self.python(package), "install", "--only-binary=:all:", *requirements.split())
            (self.packages(package) / "extensions_report.py").write_text(PLUGIN)
            stamp.write_text(asked)
        return pip(self.python(package), "freeze", "--all")

    def run(self, package, files):
        """Runs the tests in these files and folders; none: in all."""
        # A short path: sockets are made in it.
        with tempfile.TemporaryDirectory(prefix="x", ignore_cleanup_errors=True) as folder:
            root = self.packages(package)
            if package.sdist or package.ours:
                tests = SOURCES / package.name if package.ours else BUILT / package.name / "tests"
                root = pathlib.Path(folder) / "s"
                shutil.copytree(tests, root, symlinks=True)
            run = self.run_programs if package.own else self.run_pytest
            return run(package, pathlib.Path(folder), root, files or expand(package.tests, root))

    def run_pytest(self, package, folder, root, files):
        report = folder / "report"
        command = ["-m", "pytest", *PYTEST, f"--rootdir={root}", *package.options, *[root / file for file in files]]
        file, seconds, said = self.start(package, command, folder, {"EXTENSIONS_REPORT": str(report)})
        tests, messages, last = {}, {}, None
        for line in report.read_text().splitlines() if report.exists() else []:
            test, outcome, message = json.loads(line)
            last = test = stable(test)
            if outcome != "passed" or test not in tests:
                tests[test] = outcome
                if outcome != "passed":
                    messages[test] = last_lines(message)
        if last and file.startswith(("died", "no end")):
            file += f", in or after {last}"
        return Outcome(file, seconds, tests, messages | {package.name: said}, {})

    def run_programs(self, package, folder, root, files):
        tests, messages, total = {}, {}, 0
        for file in files:
            module = file.removesuffix(".py").replace("/", ".")
            status, seconds, said = self.start(package, ["-m", module, "-v"], folder, {}, lines=None)
            total += seconds
            # `test_x (module.Class.test_x)`, perhaps a line of documentation, then ` ... ok`.
            found = re.findall(r"^(\w+) \(([\w.]+)\)(?:\n.*)??(?: \.\.\. )(ok|FAIL|ERROR|skipped|expected)", said, re.M)
            for name, where, outcome in found:
                tests[f"{file}::{where}.{name}"] = {"ok": "passed", "FAIL": "failed", "ERROR": "error"}.get(outcome, outcome)
            tests[file] = "passed" if status == "ended well" else status
            if tests[file] != "passed":
                messages |= {test: last_lines(said) for test in tests if test.startswith(file) and tests[test] != "passed"}
        return Outcome("ended well", round(total, 1), tests, messages, {})

    def start(self, package, arguments, folder, more, lines=12):
        """(ending, seconds, output) of one process."""
        work = folder / "t"
        work.mkdir(exist_ok=True)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("COLUBER", "PYTHON"))}
        environment |= {
            "PATH": f"{self.folder(package)}/bin:{environment['PATH']}",
            "TMPDIR": str(work),
            "PYTHONHASHSEED": "0",  # tests are named after sets
            "HYPOTHESIS_STORAGE_DIRECTORY": str(work / "hypothesis"),
        }
        start = time.perf_counter()
        with open(folder / "output", "w+b") as output:
            process = subprocess.Popen(
                [self.python(package), *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=environment | self.environment | more, cwd=work, start_new_session=True,
            )  # fmt: skip
            try:
                status = process.wait(60 if package.own else self.seconds)
                file = {1: "failed", 5: "ran no test"}.get(status) or ending(status)
            except subprocess.TimeoutExpired:
                file = "no end in time"
            try:  # with all that it left behind
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            output.seek(0)
            text = output.read().decode(errors="backslashreplace")
        return file, round(time.perf_counter() - start, 1), text if lines is None else last_lines(text)


def expand(patterns, root):
    return sorted(str(path.relative_to(root)) for pattern in patterns for path in root.glob(pattern))


def stable(test):
    """A test's name without what differs from run to run."""
    random = r"0x[0-9a-f]{6,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return re.sub(rf"{random}|{re.escape(tempfile.gettempdir())}/x\w{{8}}|{re.escape(str(BUILT))}/[^']*", "…", test)


def quiet(command):
    """Runs it; answers its output, shown where it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def pip(python, command, *arguments):
    return quiet([python, "-m", "pip", "--disable-pip-version-check", command, "-q", *arguments])


def fetch_tests(package, python):
    """The tests alone, out of the sdist."""
    folder = BUILT / package.name
    stamp = folder / "tests" / f".{package.version}"
    names = package.tests + package.read
    if stamp.exists() and stamp.read_text() == f"{names}":
        return
    pip(python, "download", "--no-deps", f"--no-binary={package.name}", "-d", folder, package.pin)
    [archive] = folder.glob("*.tar.gz")
    shutil.rmtree(folder / "tests", ignore_errors=True)
    with tempfile.TemporaryDirectory() as unpacked:
        shutil.unpack_archive(archive, unpacked)
        [root] = pathlib.Path(unpacked).iterdir()
        for name in names:
            copy = shutil.copytree if (root / name).is_dir() else shutil.copy
            (folder / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
            copy(root / name, folder / "tests" / name)
    archive.unlink()
    stamp.write_text(f"{names}")


def prepare(package, base, ours):
    """Installs the same versions on both sides."""
    installed = base.install(package, f"{package.pin} {'' if package.own else 'pytest'} {package.needs}")
    ours.install(package, " ".join(line for line in installed.splitlines() if not line.startswith("pip==")))
    if package.sdist:
        fetch_tests(package, base.python(package))
    return installed


def run_base(package, base, installed, refresh):
    key = repr((base.executable, sys.version, base.seconds, installed, package, PLUGIN, PYTEST))
    kept = BUILT / package.name / f"base-{hashlib.sha256(key.encode()).hexdigest()[:8]}.json"
    if kept.exists() and not refresh:
        return Outcome(**json.loads(kept.read_text()))
    outcome = base.run(package, [])
    kept.write_text(json.dumps(dataclasses.asdict(outcome)))
    return outcome


def outcome_of(outcome, package, test):
    """Of a test or, under the package's name, of the whole."""
    return outcome.file if test == package.name else outcome.tests.get(test, ABSENT)


def compare(package, base, ours):
    """{test: (outcome of the base, ours)} where they are not the same."""
    names = base.tests | ours.tests
    if base.file.startswith(("died", "no end")) or ours.file.startswith(("died", "no end")):
        names |= {package.name: None}
    pairs = {test: (outcome_of(base, package, test), outcome_of(ours, package, test)) for test in names}
    return {test: pair for test, pair in pairs.items() if pair[0] != pair[1]}


def check(package, base, ours, refresh):
    """Runs both sides and says what differs; what is written in the table."""
    installed = prepare(package, base, ours)
    first, second = run_base(package, base, installed, refresh), ours.run(package, [])
    print(f"{package.pin}: {len(first.tests)} tests, {first.seconds:.0f} s, {second.seconds:.0f} s", flush=True)
    different, flaky, known = compare(package, first, second), {}, {}
    if different:
        files = sorted({test.partition("::")[0] for test in different} - {package.name})
        again = base.run(package, files), ours.run(package, files)
        for test in list(different):
            theirs = {outcome_of(outcome, package, test) for outcome in (first, again[0])}
            mine = {outcome_of(outcome, package, test) for outcome in (second, again[1])}
            if theirs & mine and not any(outcome.startswith("died") for outcome in mine - theirs):
                flaky[test] = different.pop(test)
    for pattern, reason in package.known.items():
        for test in fnmatch.filter(different, pattern):
            known[test] = reason
            del different[test]
    for test, (was, now) in sorted(different.items()):
        lines = second.said.get(test) or first.said.get(test) or second.said.get(package.name, [])
        print(f"DIFFERS {test}: {was} under the base, {now} under coluber", *lines, sep="\n    ")
    for test, (was, now) in sorted(flaky.items()):
        print(f"flaky {test}: {was} under the base, {now} under coluber, but not each time")
    for test, reason in sorted(known.items()):
        print(f"known {test}: {reason}")
    blind = sorted(test for test, outcome in first.tests.items() if outcome == "not collected")
    for test in blind:
        print(f"NOT COLLECTED under the base {test}", *first.said.get(test, []), sep="\n    ")
    sys.stdout.flush()
    passed = [list(outcome.tests.values()).count("passed") for outcome in (first, second)]
    return {
        "version": package.version, "tests": len(first.tests), "base": passed[0], "ours": passed[1], "known": known,
        "different": {test: list(pair) for test, pair in different.items()}, "flaky": len(flaky),
        "blind": blind,
    }  # fmt: skip


def write_table():
    """Of all the results that are kept."""
    lines = [
        "# Extension modules from PyPI under coluber", "",
        "Their own tests, run on the binary wheels as they come from PyPI. Made by `make extensions` (`tests/run_extensions.py`).",
        "Threshold: turns of a loop before it is compiled; with 20, nearly every loop of the tests is. Flaky: differs, but not each time.",
        "", "| package | version | threshold | tests | passed under python3.11 | under coluber | flaky | what differs |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for package in PACKAGES:
        for path in sorted((BUILT / package.name).glob("result-*.json")):
            result, threshold = json.loads(path.read_text()), path.stem.removeprefix("result-")
            differs = [f"`{test}`: {was}, {now}" for test, (was, now) in sorted(result["different"].items())]
            differs += [f"`{test}`: {reason}" for test, reason in sorted(result["known"].items())]
            differs += [f"`{test}`: under neither, it can't be imported" for test in result.get("blind", [])]
            cells = [package.name, result["version"], threshold, result["tests"], result["base"], result["ours"], result["flaky"]]
            lines.append(f"| {' | '.join(map(str, cells))} | {'; '.join(differs).replace('|', chr(92) + '|') or 'nothing'} |")
    TABLE.write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--coluber", required=True)
    parser.add_argument("--only", help="packages, with commas")
    parser.add_argument("--threshold", help="COLUBER_JIT_THRESHOLD")
    parser.add_argument("--seconds", type=int, default=1800, help="for one package on one side")
    parser.add_argument("--refresh", action="store_true", help="run the base Python again")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored in the background
    wanted = options.only.split(",") if options.only else [package.name for package in PACKAGES]
    if missing := set(wanted) - {package.name for package in PACKAGES}:
        sys.exit(f"no such packages: {' '.join(sorted(missing))}")

    base = Side(BASE, sys.executable, {}, options.seconds)
    environment = {"COLUBER_JIT_THRESHOLD": options.threshold} if options.threshold else {}
    ours = Side(COLUBER, os.path.abspath(options.coluber), environment, options.seconds)
    passed = failed = 0
    for package in (package for package in PACKAGES if package.name in wanted):
        result = check(package, base, ours, options.refresh)
        (BUILT / package.name / f"result-{options.threshold or 'default'}.json").write_text(json.dumps(result))
        write_table()
        failed += len(result["different"])
        passed += result["tests"] - len(result["different"]) - len(result["known"])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
