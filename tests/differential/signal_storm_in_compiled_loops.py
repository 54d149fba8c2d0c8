"""A timer's signal every half millisecond into compiled loops: each is served, in the main thread, at an instruction of the loop; results are exact."""

import signal

served = 0
places = set()
depths = set()


def handler(number, frame):
    global served
    served += 1
    # What the handler does is none of the loop's business: it has loops and garbage of its own.
    waste = [str(k) for k in range(5)]
    places.add(frame.f_code.co_name)
    depths.add(len(waste))


def inner(n, x):
    for k in range(n):
        x = (x * 1103515245 + k) & 0x7FFFFFFF
    return x


def outer(turns):
    x, y, rows = 1, 0.0, []
    for i in range(turns):
        x = inner(20, x)
        y += x / (i + 1)
        if i % 500 == 0:
            rows.append((x, y.hex()))
    return x, y.hex(), rows[-1]


expected = outer(3000)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
wrong = 0
rounds = 0
while served < 100 or rounds < 3:
    wrong += outer(3000) != expected
    rounds += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(wrong, {"inner", "outer"} & places != set(), depths)
