"""Stands in for the module `pyperf` inside a measured process, so that pyperformance's programs run unmodified.

Who calls it: `harness.py` puts it into `sys.modules["pyperf"]` before it executes a program. The programs use `Runner` with
`bench_func`, `bench_time_func`, `bench_async_func`, `parse_args`, `argparser` and `metadata`, and the functions `perf_counter` and
`python_implementation`; that is all there is.
It never starts processes and prints nothing: what it measures goes to the `measure` function that the harness has set.

    import pyperf
    runner = pyperf.Runner()
    runner.bench_func("fannkuch", fannkuch, 9)      # calls `measure("fannkuch", timed)`
"""

import sys
from time import perf_counter  # noqa: F401  (the programs call pyperf.perf_counter)

# Set by the harness: measure(name, timed), where timed(loops) answers (seconds, last result).
measure = None


class Runner:
    def __init__(self, add_cmdline_args=None, **ignored):
        self.metadata = {}
        self._parser = None
        self.args = None

    @property
    def argparser(self):
        # Made on demand: most programs never ask, and argparse would show in the measured memory.
        if self._parser is None:
            import argparse
            self._parser = argparse.ArgumentParser()
        return self._parser

    def parse_args(self, args=None):
        self.args = self.argparser.parse_args(args)
        return self.args

    def bench_func(self, name, function, *args, inner_loops=None, **kwargs):
        def timed(loops):
            result = None
            start = perf_counter()
            for _ in range(loops):
                result = function(*args)
            return perf_counter() - start, result

        measure(name, timed)

    def bench_time_func(self, name, function, *args, inner_loops=None, **kwargs):
        def timed(loops):
            return function(loops, *args), None

        measure(name, timed)

    def bench_async_func(self, name, function, *args, **kwargs):
        import asyncio

        async def repeated(loops):
            result = None
            start = perf_counter()
            for _ in range(loops):
                result = await function(*args)
            return perf_counter() - start, result

        measure(name, lambda loops: asyncio.run(repeated(loops)))


def python_implementation():
    return sys.implementation.name
