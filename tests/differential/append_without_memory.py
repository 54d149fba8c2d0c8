"""`append` that finds no memory in a hot loop: whatever was on the stack loses its references."""

import sys

try:
    from _testcapi import remove_mem_hooks, set_nomemory
except ImportError:  # not installed everywhere
    remove_mem_hooks = set_nomemory = None


def appender(log):
    def append():
        log.append(None)

    return append


def call_all(functions):
    for f in functions:
        f()


def insert_all(log, values):
    for value in values:
        log.insert(0, value)


def references_left(log, run):
    before = sys.getrefcount(log)
    length = len(log)
    # The iterator of the loop finds memory, the list that grows does not.
    set_nomemory(1, 0)
    try:
        run()
    except MemoryError:
        pass
    finally:
        remove_mem_hooks()
    return len(log) >= length, sys.getrefcount(log) - before


if set_nomemory:
    log = []
    functions = (appender(log),) * 3000
    values = (None,) * 300
    for turn in range(20):
        call_all(functions)
        log.clear()
    for turn in range(5):
        call_all(functions)
        print(references_left(log, lambda: call_all(functions)))
        log.clear()
    for turn in range(20):
        insert_all(log, values)
        log.clear()
    for turn in range(5):
        insert_all(log, values)
        print(references_left(log, lambda: insert_all(log, values)))
        log.clear()
