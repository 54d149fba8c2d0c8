"""All checks and tests of the project, one after another, with one line at the end: `N passed, N failed`.

    python3.11 tools/run_tests.py --cargo cargo --profile dev --folder target/debug

Run by `make test` with the base Python and COLUBER_PYTHON set to it. A step's output is shown as it comes; a step that
fails doesn't keep the next from running, except that nothing can run where nothing was built.
"""

import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXTENSION = ROOT / "build/ext"

# How each kind of step says what it counted: (passed, failed) groups of every match are added up.
CARGO = re.compile(r"^test result: \w+\. (?P<passed>\d+) passed; (?P<failed>\d+) failed", re.M)
OURS = re.compile(r"^(?P<passed>\d+) passed, (?P<failed>\d+) failed$", re.M)
UNITTEST = re.compile(r"^Ran (?P<ran>\d+) tests? in .*\n\n(?:OK|FAILED)(?: \((?P<notes>.*)\))?$", re.M)


def counted(pattern, output):
    passed = failed = 0
    for match in pattern.finditer(output):
        if pattern is UNITTEST:
            notes = dict(re.findall(r"(\w+)=(\d+)", match["notes"] or ""))
            bad, skipped = (sum(int(notes.get(name, 0)) for name in names) for names in (("failures", "errors"), ("skipped",)))
            passed, failed = passed + int(match["ran"]) - bad - skipped, failed + bad
        else:
            passed, failed = passed + int(match["passed"]), failed + int(match["failed"])
    return passed, failed


class Run:
    def __init__(self):
        self.passed = self.failed = 0
        self.failures = []

    def step(self, name, command, pattern=None, **variables):
        """Runs a command. Without a pattern it counts as one test."""
        print(f"== {name}", flush=True)
        start = time.perf_counter()
        environment = os.environ | variables
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = []
        for line in process.stdout:
            output.append(line.decode(errors="replace"))
            print(output[-1], end="", flush=True)
        status = process.wait()
        passed, failed = counted(pattern, "".join(output)) if pattern else (int(status == 0), int(status != 0))
        # A step that ends badly without a count (it did not build, it crashed) has failed all the same.
        failed = max(failed, int(status != 0))
        self.passed += passed
        self.failed += failed
        if failed:
            self.failures.append(name)
        print(f"   {passed} passed, {failed} failed ({time.perf_counter() - start:.0f} s)", flush=True)
        return status == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cargo", required=True, help="the command, which may have words before it")
    parser.add_argument("--profile", required=True)
    parser.add_argument("--folder", required=True, help="where cargo puts what it builds in this profile")
    parser.add_argument("--smoke", action="store_true", help="only what depends on how libpython is linked")
    options = parser.parse_args()
    cargo = shlex.split(options.cargo)
    folder = pathlib.Path(options.folder).resolve()
    coluber = str(folder / "coluber")

    run = Run()
    if not options.smoke:
        for tool in "fmt", "clippy":
            if subprocess.run([*cargo, tool, "--version"], capture_output=True).returncode:
                component = "rustfmt" if tool == "fmt" else tool
                subprocess.run(["rustup", "component", "add", component])
        run.step("formatting", [*cargo, "fmt", "--all", "--check"])
        run.step("lints", [*cargo, "clippy", "-q", "--workspace", "--all-targets", "--", "-D", "warnings"])
        run.step("tests of the crates", [*cargo, "test", "-q", "--workspace", "--no-fail-fast"], CARGO)
    # In release as users get it: with a profile of its code.
    build = [ROOT / "tools/build-library"] if options.profile == "release" else [*cargo, "build", "-q", "--profile", options.profile, "--lib"]
    if run.step("the library", build, CARGO=options.cargo) and run.step(
        "the executable", [ROOT / "tools/place-executable", folder], CARGO=options.cargo
    ):
        subprocess.run([ROOT / "tools/place-extension", folder, EXTENSION], check=True)
        where = {"COLUBER": coluber, "COLUBER_EXT": str(EXTENSION)}
        for path in sorted(ROOT.glob("tests/test_*.py")):
            run.step(f"tests/{path.name}", [sys.executable, str(path)], UNITTEST, **where)
        if not options.smoke:
            command = [sys.executable, "tests/run_differential.py", "--coluber", coluber]
            run.step("differential programs", command, OURS)
            seeds = ["--seed", "1", "--count", "100", "--modes", "off,on,stress"]
            command = [sys.executable, "tests/random_programs.py", "--base", sys.executable, "--coluber", coluber, *seeds]
            run.step("random programs", command, OURS)
            command = [sys.executable, "tests/force_guards.py", "--short", "--coluber", coluber]
            run.step("every guard failed once", command, OURS)
            command = [sys.executable, "tests/fail_allocations.py", "--short", "--coluber", coluber]
            run.step("allocations failed", command, OURS)
            if os.access(ROOT / "build/z3", os.R_OK) or subprocess.run([sys.executable, "-c", "import z3"], capture_output=True).returncode == 0:
                run.step("rewrite rules proved", [sys.executable, "tests/prove_rules.py"], OURS)
            else:
                print("== rewrite rules are not proved: no z3 module; `make prove` fetches it", flush=True)
            if subprocess.run([sys.executable, "-c", "import test.libregrtest"], capture_output=True).returncode:
                print(f"== no core of the regression suite: {sys.executable} has no suite", flush=True)
            else:
                modes = ["--jit", "off,on", "--threshold", "20"]
                command = [sys.executable, "tests/run_regrtest.py", "--core", "--coluber", coluber, *modes]
                run.step("core of the regression suite", command, OURS)

    # What users get is compiled otherwise: optimized as a whole, and with a profile.
    if not options.smoke and options.profile != "release":
        released = folder.parent / "release"
        if run.step("the library, optimized", [ROOT / "tools/build-library"], CARGO=options.cargo) and run.step(
            "the executable, optimized", [ROOT / "tools/place-executable", released], CARGO=options.cargo
        ):
            command = [sys.executable, "tests/run_differential.py", "--coluber", str(released / "coluber")]
            run.step("differential programs, optimized", command, OURS)

    for name in run.failures:
        print(f"failed: {name}")
    print(f"{run.passed} passed, {run.failed} failed")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
