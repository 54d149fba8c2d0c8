"""Lets each allocation of Coluber's own fail once, in programs that are compiled: the result stays the same, nothing crashes, nothing leaks.

    python3.11 tests/fail_allocations.py --coluber target/release/coluber [--short] [--only bridges,generators]

Run by the base Python, which says what the programs of tests/fail_allocations give. For each program coluber counts the allocations of a run,
and forks a child for each: there that allocation finds no memory (`coluber.jit._fail_allocations`), the program runs to its end, and its functions are
dropped. Then the same with twenty in a row, and with all from that one on, so that everything comes from the reserve. In stress mode, where they
are tens of thousands, some thousands have to do, and with `--short` some dozens everywhere. The last line says `N passed, N failed`;
`make fail-allocations` runs it, `make test` the short form.
"""

import argparse
import gc
import json
import os
import pathlib
import subprocess
import sys
import weakref

FOLDER = pathlib.Path(__file__).with_suffix("")
MODES = {"on": ["-X", "jit-threshold=13"], "stress": ["-X", "jit=stress"], "off": ["-X", "jit=off"]}
EVER = 1 << 40
# Blocks that may stay: of tables that grow, at most one or two each.
TABLES = 12


def run(source):
    """The result as text, and weak references to the functions, which nothing keeps alive any more."""
    space = {"__name__": "program"}
    exec(source, space)
    functions = [weakref.ref(value) for value in space.values() if hasattr(value, "__code__")]
    result = repr(space["main"]())
    # A trace holds the functions that it inlines, and with them their globals.
    space.clear()
    return result, functions


def attempt(source, first, last):
    """The result with these allocations failing, how many there were, how many blocks are left after it, and whether all functions died."""
    from coluber import jit

    jit._fail_allocations(first, last)
    result, functions = run(source)
    gc.collect()
    allocations, left = jit._fail_allocations(0, 0)
    return result, allocations, left, all(ref() is None for ref in functions)


def in_child(source, first, last):
    """The same in a forked child; a number if that died of a signal or ended badly."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(reading)
            os.write(writing, json.dumps(attempt(source, first, last)).encode())
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(1)
    os.close(writing)
    with open(reading, "rb") as answer:
        text = answer.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if status or not text else json.loads(text)


def numbers(count, most):
    """Which allocations fail: all if they are at most twice `most`, else the first ones, and then every so many."""
    step = -(-count // (2 * most))
    return sorted({*range(1, 8), *range(1, count + 1, step)})


def fail_all(name, expected, short):
    """Under coluber. Prints what went wrong, then how many runs there were and how many of them went wrong."""
    source = (FOLDER / f"{name}.py").read_text()
    plain = in_child(source, EVER, EVER)
    if isinstance(plain, int) or plain[0] != expected:
        print(f"  without a failure: {plain}")
        print(json.dumps([1, 1, 0]))
        return
    _, count, usual, _ = plain
    runs = wrong = 0
    for length, few, many in (1, 20, 3000), (20, 6, 500), (EVER, 6, 500):
        for first in numbers(count, few if short else many):
            got = in_child(source, first, first + length - 1)
            runs += 1
            fine = not isinstance(got, int) and got[0] == expected and got[3] and got[2] <= max(usual, 0) + TABLES
            if not fine:
                wrong += 1
                if wrong < 10:
                    print(f"  {length if length < EVER else 'all'} from {first}: {got}, expected {expected}, blocks left {usual}")
    print(json.dumps([runs, wrong, count]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--coluber", help="the executable")
    parser.add_argument("--short", action="store_true", help="only some allocations of each program")
    parser.add_argument("--only", help="programs, with commas")
    parser.add_argument("--modes", default=",".join(MODES), help="with commas")
    parser.add_argument("--under-coluber", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.under_coluber:
        return fail_all(*options.under_coluber, options.short)

    passed = failed = 0
    for path in sorted(FOLDER.glob("*.py")):
        if options.only and path.stem not in options.only.split(","):
            continue
        expected, _ = run(path.read_text())
        for mode in options.modes.split(","):
            command = [options.coluber, *MODES[mode], __file__, *["--short"] * options.short, "--under-coluber", path.stem, expected]
            process = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            *told, last = process.stdout.splitlines() or [""]
            runs, wrong, count = json.loads(last) if process.returncode == 0 else (1, 1, 0)
            print(f"{path.stem}, {mode}: {count} allocations, {runs} runs, {wrong} wrong", *told, sep="\n", flush=True)
            passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
