"""Runs each program of tests/differential under the base Python and under coluber, and compares what a user sees.

    python3.11 tests/run_differential.py --coluber target/debug/coluber [--mode on] [name ...]

Standard output, standard error (so: tracebacks) and the exit status must be equal, byte for byte, in each mode of the JIT.
Only the executable's own path may differ. Run by `make test` with the base Python; ends with `N passed, N failed`.
"""

import argparse
import concurrent.futures
import difflib
import os
import pathlib
import subprocess
import sys

PROGRAMS = pathlib.Path(__file__).resolve().parent / "differential"
SECONDS = 180  # for one program in one mode; stress in a debug build is slow

# What the environment says in each mode. A threshold of 3 compiles nearly everything, and still after the warm-up.
MODES = {
    "off": {"COLUBER_JIT": "off"},
    "on": {"COLUBER_JIT": "on"},
    "low": {"COLUBER_JIT": "on", "COLUBER_JIT_THRESHOLD": "3"},
    "stress": {"COLUBER_JIT": "stress"},
}


def outcome(executable, program, mode):
    """(what, text) pairs that must be equal."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COLUBER", "PYTHON"))}
    environment |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"} | mode
    try:
        done = subprocess.run(
            [executable, program], stdin=subprocess.DEVNULL, capture_output=True, env=environment, cwd=PROGRAMS, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as late:
        return {"status": f"no end within {SECONDS} s", "stdout": text(late.stdout), "stderr": text(late.stderr)}
    said = {"stdout": text(done.stdout), "stderr": text(done.stderr)}
    return {"status": f"{done.returncode}"} | {name: value.replace(executable, "<python>") for name, value in said.items()}


def text(output):
    return (output or b"").decode(errors="backslashreplace")


def differences(expected, got):
    lines = []
    for what in expected:
        if expected[what] != got[what]:
            pair = (expected[what].splitlines(), got[what].splitlines())
            lines += difflib.unified_diff(*pair, f"{what} of python3.11", f"{what} of coluber", lineterm="", n=2)
    return lines[:40]


def check(coluber, program, modes):
    """A list of (mode, differences) of one program."""
    expected = outcome(sys.executable, program.name, {})
    return [(mode, differences(expected, outcome(coluber, program.name, MODES[mode]))) for mode in modes]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--coluber", required=True)
    parser.add_argument("--mode", action="append", choices=MODES, help="only this one; may be repeated")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="not this program; may be repeated")
    parser.add_argument("name", nargs="*", help="programs, without .py; all of them by default")
    options = parser.parse_args()
    coluber = os.path.abspath(options.coluber)
    programs = [PROGRAMS / f"{name}.py" for name in options.name] or sorted(PROGRAMS.glob("*.py"))
    programs = [program for program in programs if program.stem not in options.without]

    if not programs:
        sys.exit(f"no programs in {PROGRAMS}")
    if missing := [program.stem for program in programs if not program.exists()]:
        sys.exit(f"no such programs: {' '.join(missing)}")

    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda program: check(coluber, program, options.mode or MODES), programs)
        for program, result in zip(programs, results):
            for mode, lines in result:
                passed += not lines
                failed += bool(lines)
                if lines:
                    print(f"FAILED {program.stem} (jit {mode})", *lines, sep="\n    ", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
