"""Runs one benchmark program in this process and writes what it measured as JSON.

Who calls it: `bench.py`, once per program and interpreter, as

    python3.11 harness.py '{"path": ".../int_while.py", "seconds": 3, "result": "/tmp/x.json", "core": 1}'

Keys: `path` the program; `seconds` how long to measure; `result` where the JSON goes; `core` the processor to stay on, or null;
`argv` the program's command line; `check` an expression evaluated in the program's namespace at the end, whose value must not
depend on how long was measured.

A program of our own defines `iteration()`; one of pyperformance's calls our `pyperf` (see `pyperf_standin.py`).
This module must stay small: what it imports counts in the peak memory of each measured process.
"""

import os
import sys
from time import perf_counter

# One sample should last at least this many seconds, so that reading the clock does not show.
SHORTEST_SAMPLE = 0.01


def describe(value, deep=4, budget=None):
    """A text for a result that is equal in two processes exactly when the results are: no addresses, floats by their bits."""
    budget = budget if budget is not None else [20000]
    budget[0] -= 1
    if budget[0] < 0:
        return "..."
    if isinstance(value, float):
        return value.hex()
    if value is None or isinstance(value, (int, str, bytes)):
        return repr(value)
    if deep == 0:
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + "(" + ",".join([describe(v, deep - 1, budget) for v in value]) + ")"
    if isinstance(value, (set, frozenset)):
        return type(value).__name__ + "(" + ",".join(sorted([describe(v, deep - 1, budget) for v in value])) + ")"
    if isinstance(value, dict):
        return "{" + ",".join([describe(k, deep - 1, budget) + ":" + describe(v, deep - 1, budget) for k, v in value.items()]) + "}"
    fields = getattr(value, "__dict__", None) or {n: getattr(value, n, None) for n in getattr(type(value), "__slots__", ())}
    return type(value).__name__ + "(" + ",".join(["%s=%s" % (k, describe(v, deep - 1, budget)) for k, v in fields.items()]) + ")"


def checksum(text):
    import zlib
    return "%08x:%d" % (zlib.crc32(text.encode("utf-8", "replace")), len(text))


def plain_globals(namespace):
    """The program's data: module-level numbers, strings and containers, but no instances, functions, modules."""
    kinds = (int, float, str, list, tuple, dict)
    return {k: v for k, v in namespace.items() if k[:2] != "__" and type(v) in kinds}


def peak_memory():
    """Peak resident set in KiB (VmHWM), or None where /proc does not tell. It counts from exec on, unlike ru_maxrss."""
    try:
        with open("/proc/self/status") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return None


class Measurement:
    """Times one program: the first iteration by itself, then samples until the time is over."""

    def __init__(self, seconds, check):
        self.seconds, self.check = seconds, check
        self.benchmarks = {}

    def measure(self, name, timed, namespace):
        begin = perf_counter()
        first, result = timed(1)
        wall_first = perf_counter() - begin
        state = checksum(describe(result) + describe(plain_globals(namespace), 3))
        loops = max(1, int(SHORTEST_SAMPLE / first + 1)) if first > 0 else 1000
        begin = perf_counter()
        deadline = begin + self.seconds
        samples = []  # (when it began, seconds per iteration)
        while True:
            start = perf_counter()
            if start >= deadline and len(samples) >= 2:
                break
            seconds, _ = timed(loops)
            samples.append((start - begin, seconds / loops))
            if seconds < SHORTEST_SAMPLE / 2:
                loops *= 2
        half = samples[-1][0] / 2
        late = sorted(seconds for at, seconds in samples if at >= half)
        peak = peak_memory()
        checked = None
        if self.check:
            import tempfile
            with tempfile.NamedTemporaryFile() as file:
                # The namespace itself is used, so that the check calls the very functions that were measured.
                namespace["_file"] = file.name
                checked = checksum(describe(eval(self.check, namespace)))
        self.benchmarks[name] = {
            "best": late[0], "median": late[len(late) // 2], "first": first, "wall_first": wall_first, "samples": len(samples),
            "loops": loops, "peak_kib": peak, "state": state, "checked": checked,
        }


def main():
    import json
    wish = json.loads(sys.argv[1])
    if wish.get("core") is not None:
        os.sched_setaffinity(0, {wish["core"]})
    measurement = Measurement(wish["seconds"], wish.get("check"))
    path = wish["path"]
    import pyperf_standin
    pyperf_standin.measure = measurement.measure
    sys.modules["pyperf"] = pyperf_standin
    program = type(sys)("__main__")
    program.__file__ = path
    program.__builtins__ = __builtins__
    harness = sys.modules["__main__"]
    sys.modules["__main__"] = program
    sys.argv = [path] + wish.get("argv", [])
    sys.path[0] = os.path.dirname(path)
    with open(path, "rb") as f:
        code = compile(f.read(), path, "exec")
    exec(code, program.__dict__)
    if "iteration" in program.__dict__:
        pyperf_standin.Runner().bench_func(os.path.basename(path)[:-3], program.iteration)
    sys.modules["__main__"] = harness
    with open(wish["result"], "w") as f:
        json.dump(measurement.benchmarks, f)


if __name__ == "__main__":
    main()
