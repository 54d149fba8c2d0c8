"""CPython's own hunt for leaks, `python -m test -R`, in Pythons that are no debug builds.

    python3.11 tests/find_leaks.py -R 3:3 test_dict

Takes what `python -m test` takes; `tests/run_regrtest.py --leaks` runs it. A debug build counts all references as they come and
go (`sys.gettotalrefcount`), but only those of CPython's own code. Here the counts themselves are added up: of all objects that the garbage
collector knows, of all that these refer to, and of what code objects hold. A count that stays too high is found on any of them, on None and
small ints and types as well, of which a leak costs no memory. What Coluber has for code that got warm in the meantime lives as long as the code and is
left out: the memory blocks in which its data hangs on code objects, the references of traces to what they embed.
"""

import gc
import sys
import types

from test import support  # takes a Python with `gettotalrefcount` for a debug build, so it has to come first
from test.libregrtest import refleak
from test.libregrtest.main import main

try:
    from coluber import jit
except ImportError:  # the base
    jit = None


def static_types(root=object):
    """The types that no collector knows."""
    found, new = {root}, [root]
    while new:
        subclasses = set(type.__subclasses__(new.pop())) - found
        found |= subclasses
        new += subclasses
    return [found_type for found_type in found if not gc.is_tracked(found_type)]


ALWAYS = [None, True, False, ..., NotImplemented, (), "", b"", frozenset(), *range(-5, 257), *map(chr, range(256)), *static_types()]


def total_references():
    """The sum of all counts that can be reached, with those that counting them adds: always as many."""
    found = {id(o): o for o in gc.get_objects()}
    new = gc.get_referents(*found.values()) + ALWAYS
    while new:
        o = new.pop()
        if id(o) in found:
            continue
        found[id(o)] = o
        if isinstance(o, types.CodeType):
            new += (o.co_consts, o.co_names, o.co_name, o.co_qualname, o.co_filename)
        elif not gc.is_tracked(o):
            new += gc.get_referents(o)
    return sum(map(sys.getrefcount, found.values()))


def of_warm_code(name):
    """One of Coluber's statistics; 0 under the base."""
    return jit.stats()[name] if jit else 0


class Sys:
    """The module `sys` as the hunt sees it."""

    @staticmethod
    def gettotalrefcount():
        return total_references() - of_warm_code("embedded_objects")

    @staticmethod
    def getallocatedblocks():
        blocks = sys.getallocatedblocks()  # before code that tells the other number gets warm
        return blocks - of_warm_code("code_objects")

    def __getattr__(self, name):
        return getattr(sys, name)


def without_later_reports(cleanup):
    """`--junit-xml` keeps what each run reports, which would look like a leak of every file: only the first run's stays."""
    kept = 0

    def clean(*arguments):
        nonlocal kept
        if reports := support.junit_xml_list:
            kept = kept or len(reports)
            del reports[kept:]
        return cleanup(*arguments)

    return clean


if __name__ == "__main__":
    refleak.sys = Sys()
    refleak.dash_R_cleanup = without_later_reports(refleak.dash_R_cleanup)
    main()
