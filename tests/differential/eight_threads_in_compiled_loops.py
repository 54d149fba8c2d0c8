"""Eight threads in compiled loops of the same functions, with the smallest switch interval: each has its own locals, all share objects."""

import sys
import threading

sys.setswitchinterval(1e-5)


class Counter:
    def __init__(self):
        self.n = 0

    def step(self, k):
        self.n += k
        return self.n


def own(turns, k):
    total, x, items = 0, 1.0, []
    counter = Counter()
    for i in range(turns):
        total += counter.step(k) & 15
        x = x * 0.75 + i % (k + 1)
        if i % 50 == k:
            items.append((i, total))
    return total, x.hex(), len(items), items[-1], counter.n


def work(k, results, start):
    start.wait()
    results[k] = [own(4000 + 100 * k, k) for _ in range(3)]


results = {}
start = threading.Barrier(8)
threads = [threading.Thread(target=work, args=(k, results, start)) for k in range(1, 9)]
for t in threads:
    t.start()
for t in threads:
    t.join()
for k in range(1, 9):
    print(k, results[k][0], results[k][1:] == results[k][:2])

lock = threading.Lock()
shared = Counter()


def locked(turns):
    for _ in range(turns):
        lock.acquire()
        shared.step(1)
        lock.release()


threads = [threading.Thread(target=locked, args=(1500,)) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(shared.n)
