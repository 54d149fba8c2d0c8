"""Coluber: Python 3.11 with a tracing JIT.

>>> import coluber
>>> coluber.jit.stats()["traces"]
0
"""

from _coluber import __version__

from coluber import jit

# The executable has this package frozen into itself; the import system then names a file that does not exist.
if __spec__.origin == "frozen":
    globals().pop("__file__", None)

__all__ = ["jit"]
