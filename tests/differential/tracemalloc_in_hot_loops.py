"""tracemalloc ascribes each block to the line that made it, in loops that were compiled before it was switched on, too; then they are fast again."""

import tracemalloc


class Node:
    def __init__(self, value):
        self.value = value
        self.pair = [value]


def pair(i):
    large = i + 70000
    return large, i


def build(turns):
    kept = []
    for i in range(turns):
        kept.append(
            Node(i)
        )
        kept.append(pair(i))
        number = i + 100000
        text = "x%d" % i
        if i % 3 == 0:
            kept.append({"k": number})
        else:
            kept.append(text)
    return kept


def temporaries(turns):
    total = 0
    for i in range(turns):
        total += i * 3 % 1000 + 5000
    return total


def lines(snapshot, key):
    mine = snapshot.filter_traces([tracemalloc.Filter(True, __file__)])
    return sorted(([frame.lineno for frame in s.traceback], s.count) for s in mine.statistics(key))


for _ in range(2):
    build(900)
    temporaries(900)
    for depth, key in (1, "lineno"), (4, "traceback"):
        tracemalloc.start(depth)
        kept = build(700)
        total = temporaries(700)
        snapshot = tracemalloc.take_snapshot()
        item = kept[-2][0], kept[-3].pair
        where = [[frame.lineno for frame in tracemalloc.get_object_traceback(o)] for o in item]
        tracemalloc.stop()
        print(depth, total, where)
        for line in lines(snapshot, key):
            print("   ", *line)
        del kept, snapshot, item


def switch(i):
    if i == 600:
        tracemalloc.start()


def switched_on_in_mid_loop(turns):
    kept = []
    for i in range(turns):
        switch(i)
        large = i + 5000
        single = [large]
        kept.append(single)
        kept.append(
            (i, large)
        )
    return kept


for _ in range(2):
    kept = switched_on_in_mid_loop(900)
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    print(*lines(snapshot, "lineno"))
