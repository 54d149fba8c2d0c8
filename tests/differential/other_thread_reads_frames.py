"""Another thread reads the frame of a compiled loop through sys._current_frames: it only ever sees states at which threads may switch."""

import sys
import threading
import time

sys.setswitchinterval(1e-4)
stop = False


def pairs():
    a = b = 0
    x = 0.0
    while not stop:
        a += 1
        b += 1
        x += 1.0
    return a == b == x


def helper(p, q):
    return p + q


def calls():
    n = m = 0
    while not stop:
        n += 1
        m = helper(n, 0)
    return n == m


def watch(function, check):
    global stop
    stop = False
    result = []
    thread = threading.Thread(target=lambda: result.append(function()))
    thread.start()
    bad = []
    looks = grown = 0
    last = -1
    deadline = time.monotonic() + 5
    while looks < 30 and time.monotonic() < deadline:
        frame = sys._current_frames().get(thread.ident)
        while frame is not None and frame.f_code is not function.__code__:
            frame = frame.f_back
        if frame is None:
            continue
        seen = dict(frame.f_locals)
        if len(seen) < 2:
            continue
        looks += 1
        if not check(seen):
            bad.append((frame.f_lineno - function.__code__.co_firstlineno, seen))
        first = next(iter(seen.values()))
        grown += first >= last
        last = first
        frame = None
        time.sleep(0.0005)
    stop = True
    thread.join()
    print(function.__name__, result, looks, grown == looks, bad[:2])


watch(pairs, lambda v: "x" not in v or v["a"] == v["b"] == v["x"])
watch(calls, lambda v: v["n"] - v["m"] in (0, 1))
