"""Two threads in hot loops with a tiny switch interval: results are exact, locks hold, thread-local data stays apart."""

import queue
import sys
import threading

sys.setswitchinterval(1e-5)


def sums(n, out, k):
    total = 0
    x = 0.0
    i = 0
    while i < n:
        total += i * k
        x = x * 0.5 + i
        i += 1
    out[k] = total, x.hex()


def run(target, arguments):
    threads = [threading.Thread(target=target, args=a) for a in arguments]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


out = {}
run(sums, [(5000, out, 1), (6000, out, 2), (4000, out, 3)])
print(sorted(out.items()))

lock = threading.Lock()
shared = 0


def locked(n):
    global shared
    for i in range(n):
        with lock:
            shared += 1


run(locked, [(1500,), (1500,)])
print(shared)

items = []
run(lambda n: [items.append(i) for i in range(n)], [(2000,), (2000,)])
print(len(items), sum(items))

own = threading.local()
results = []


def local_data(n):
    own.n = 0
    for i in range(n):
        own.n += i
    results.append(own.n)


run(local_data, [(1000,), (2000,)])
print(sorted(results))

q = queue.Queue(5)
received = []


def produce(n):
    for i in range(n):
        q.put(i * i)
    q.put(None)


def consume():
    total = 0
    while (x := q.get()) is not None:
        total += x
    received.append(total)


producer = threading.Thread(target=produce, args=(300,))
consumer = threading.Thread(target=consume)
producer.start()
consumer.start()
producer.join()
consumer.join()
print(received)

flag = False


def waits():
    """A loop that ends only when another thread changes a global."""
    turns = 0
    while not flag:
        turns += 1
    results.append("saw it")


waiting = threading.Thread(target=waits)
waiting.start()
threading.Event().wait(0.02)
flag = True
waiting.join()
print(results[-1])


class Stop:
    now = False


def waits_for_attribute():
    i = 0
    while not Stop.now:
        i = i + 1
    results.append("stopped")


waiting = threading.Thread(target=waits_for_attribute)
waiting.start()
threading.Event().wait(0.02)
Stop.now = True
waiting.join()
print(results[-1])


def turn_taking(n):
    """Strict alternation by two semaphores."""
    a, b = threading.Semaphore(1), threading.Semaphore(0)
    order = []

    def play(mine, other, name):
        for i in range(n):
            mine.acquire()
            order.append(name)
            other.release()

    run(play, [(a, b, "a"), (b, a, "b")])
    return "".join(order) == "ab" * n


print(turn_taking(150))


def failing(n):
    for i in range(n):
        if i == n - 1:
            raise ValueError(i)


seen = []
threading.excepthook = lambda args: seen.append((args.exc_type.__name__, str(args.exc_value)))
run(failing, [(300,), (400,)])
print(sorted(seen))
