"""Control of the JIT, and what it has done so far.

The options are those of the command line (``-X jit=stress``) and the environment (``COLUBER_JIT=stress``).

>>> from coluber import jit
>>> jit.enable()
>>> jit.stats()["bridges"]
0
"""

import _coluber

if __spec__.origin == "frozen":
    globals().pop("__file__", None)

__all__ = ["disable", "enable", "stats"]


def enable():
    """Run frames that start from now on under Coluber's evaluator.

    The ``coluber`` executable starts with this done, unless ``-X jit=off`` is given. Raises ``ValueError`` for an
    unknown or malformed option, ``RuntimeError`` where this Python is not one that Coluber knows.
    """
    _coluber.enable()


def disable():
    """Stop compiling, and stop entering compiled code. Frames go on in the interpreter."""
    _coluber.disable()


def stats():
    """A dictionary of what was done since the start; at least ``traces``, ``bridges`` and ``exits``."""
    import json

    return json.loads(_coluber.stats())
