"""Runs one benchmark program in this process and writes what it measured as JSON.

Who calls it: `bench.py`, once per program and interpreter, as

    python3.11 harness.py '{"path": ".../int_while.py", "seconds": 3, "result": "/tmp/x.json"}'

Keys: `path` the program; `seconds` how long to measure; `result` where the JSON goes;
`argv` the program's command line; `folders` where its packages are; `check` an expression evaluated in the program's namespace at
the end, whose value must not depend on how long was measured; `benchmark` which one, of a program that has several; `extension`:
switch the extension module on first.

A program of pyperformance's calls our `pyperf` (see `pyperf_standin.py`); of others, `call` names the function that is one iteration.
This module must stay small: what it imports counts in the peak memory of each measured process.
"""

import os
import sys
from array import array
from time import perf_counter, process_time

# One sample should last at least this many seconds, so that reading the clock does not show.
SHORTEST_SAMPLE = 0.01
# A program that says that it took less than this share of a sample's time has timed a part of it.
PART = 0.95


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
    if callable(value):
        return "callable"
    if type(value).__module__ in ("datetime", "decimal", "_pydecimal", "fractions"):
        return repr(value)  # how these are made inside differs between interpreters
    if deep == 0:
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + "(" + ",".join([describe(v, deep - 1, budget) for v in value]) + ")"
    if isinstance(value, (set, frozenset)):
        return type(value).__name__ + "(" + ",".join(sorted([describe(v, deep - 1, budget) for v in value])) + ")"
    if isinstance(value, dict):
        return "{" + ",".join([describe(k, deep - 1, budget) + ":" + describe(v, deep - 1, budget) for k, v in value.items() if k != "__builtins__"]) + "}"
    fields = getattr(value, "__dict__", None) or {n: getattr(value, n, None) for n in getattr(type(value), "__slots__", ())}
    return type(value).__name__ + "(" + ",".join(["%s=%s" % (k, describe(v, deep - 1, budget)) for k, v in fields.items()]) + ")"


def checksum(text):
    import zlib
    return "%08x:%d" % (zlib.crc32(text.encode("utf-8", "replace")), len(text))


def plain_globals(namespace):
    """The program's data: module-level numbers, strings and containers, but no instances, functions, modules, temporary files' names."""
    kinds = (int, float, str, list, tuple, dict)
    return {k: v for k, v in namespace.items() if k[:2] != "__" and type(v) in kinds and not (type(v) is str and os.path.exists(v))}


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


class CoreTaken:
    """Asks the kernel for the seconds that this thread has been ready to run while others had the core; 0 where it does not tell."""

    def __init__(self):
        try:
            self.file = os.open("/proc/self/schedstat", os.O_RDONLY)
        except OSError:
            self.file = -1  # which can't be read

    def __call__(self):
        try:
            return int(os.pread(self.file, 80, 0).split()[1]) / 1e9
        except (OSError, IndexError):
            return 0.0


class Measurement:
    """Times one program: the first iteration by itself, then samples until the time is over.

    It makes few objects meanwhile and keeps none, lest its own lie scattered among the program's: with a list of samples and a file
    object for each, a collection of the program's 0.6 ms long took up to a tenth longer, more or less of it by chance."""

    def __init__(self, wish):
        self.seconds, self.check, self.benchmark = wish["seconds"], wish.get("check"), wish.get("benchmark")
        self.namespace = None  # the program's
        self.core_taken = CoreTaken()
        self.total = array("d", (0.0, 0.0))  # the samples' time, and what others took of it
        self.result = None

    def once(self, timed, loops):
        """`timed(loops)`, without the time in which others had the core.

        The kernel books that time when the thread gets the core again, perhaps a sample too late; but a sample never takes less
        than the processor's time. Where a program times a part of its iteration only, nobody knows what was taken from that part:
        such a sample stays as it is, and counts only if it is the best all the same."""
        taken, used, start = self.core_taken(), process_time(), perf_counter()
        seconds, result = timed(loops)
        wall, used, taken = perf_counter() - start, process_time() - used, self.core_taken() - taken
        self.total[0] += wall
        self.total[1] += taken
        if seconds > PART * wall:
            seconds *= min(1.0, max(used, wall - taken) / wall)
        return seconds, result

    def measure(self, name, timed):
        if self.benchmark not in (None, name):
            return
        if self.result is not None:
            raise RuntimeError("the program has several benchmarks: %r is one more" % name)
        # What `work` counts is done in the first second of measured time, compilation included.
        horizon = min(1.0, self.seconds)
        first, result = self.once(timed, 1)
        state = checksum(describe(result) + describe(plain_globals(self.namespace), 3))
        elapsed, done = first, 1
        work = horizon / first if first >= horizon else None
        loops = max(1, int(SHORTEST_SAMPLE / first + 1)) if first > 0 else 1000
        begin = perf_counter()
        begins, samples = array("d"), array("d")  # when each began, seconds per iteration
        while True:
            start = perf_counter()
            if start >= begin + self.seconds and len(samples) >= 2 and work is not None:
                break
            seconds, _ = self.once(timed, loops)
            begins.append(start - begin)
            samples.append(seconds / loops)
            if work is None and elapsed + seconds >= horizon:
                work = done + loops * (horizon - elapsed) / seconds
            elapsed, done = elapsed + seconds, done + loops
            if seconds < SHORTEST_SAMPLE / 2:
                loops *= 2
        half = begins[-1] / 2
        late = sorted(seconds for at, seconds in zip(begins, samples) if at >= half)
        peak = peak_memory()
        checked = None
        if self.check:
            import tempfile
            with tempfile.NamedTemporaryFile() as file:
                # The namespace itself is used, so that the check calls the very functions that were measured.
                self.namespace.update(_file=file.name, _once=lambda: timed(1)[1], _await=awaited)
                checked = checksum(describe(eval(self.check, self.namespace)))
        self.result = {
            "best": late[0], "median": late[len(late) // 2], "first": first, "work": work, "samples": len(samples), "loops": loops,
            "peak_kib": peak, "core_taken": min(1.0, self.total[1] / self.total[0]), "state": state, "checked": checked,
        }


def awaited(awaitable):
    """The value of an awaitable that waits for nothing."""
    try:
        awaitable.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("it waits for something")


def main():
    import json
    wish = json.loads(sys.argv[1])
    if wish.get("extension"):
        import coluber
        coluber.jit.enable()
    measurement = Measurement(wish)
    path = wish["path"]
    import pyperf_standin
    pyperf_standin.measure = measurement.measure
    sys.modules["pyperf"] = pyperf_standin
    # A program that uses pyperf expects to be the main script; of the others only a function is wanted.
    name = "measured" if wish.get("call") else "__main__"
    program = type(sys)(name)
    program.__file__ = path
    program.__builtins__ = __builtins__
    measurement.namespace = program.__dict__
    harness = sys.modules["__main__"]
    sys.modules[name] = program
    sys.argv = [path] + wish.get("argv", [])
    sys.path[0] = os.path.dirname(path)
    sys.path[1:1] = wish.get("folders", [])
    with open(path, "rb") as f:
        code = compile(f.read(), path, "exec")
    exec(code, program.__dict__)
    if wish.get("call"):
        pyperf_standin.Runner().bench_func(name, program.__dict__[wish["call"]])
    sys.modules["__main__"] = harness
    if measurement.result is None:
        raise RuntimeError("the program has no benchmark %s" % (wish.get("benchmark") or ""))
    with open(wish["result"], "w") as f:
        json.dump(measurement.result, f)


if __name__ == "__main__":
    main()
