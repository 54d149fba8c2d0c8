"""An exception in `__del__` inside a hot loop is reported on stderr, and the loop goes on."""

import sys


class Fails:
    def __init__(self, n):
        self.n = n

    def __repr__(self):
        return "Fails"

    def __del__(self):
        if self.n % 50 == 7:
            1 / 0


sys.unraisablehook = lambda u: print(u.exc_type.__name__, u.err_msg, u.exc_traceback.tb_lineno, file=sys.stderr)


def run(turns):
    total = 0
    for i in range(turns):
        Fails(i)
        total += i
    return total


print(run(200), flush=True)
