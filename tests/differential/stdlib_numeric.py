"""Standard-library Python code becomes hot: statistics, fractions, heapq, random (seeded), decimal, bisect, itertools, struct, array, collections."""

import array
import bisect
import collections
import decimal
import fractions
import heapq
import itertools
import random
import statistics
import struct
import textwrap

r = random.Random(7)
sample = [r.random() for _ in range(200)]
print(sum(sample).hex(), r.randrange(1 << 70), r.sample(range(100), 5), r.gauss(0, 1).hex())
r.shuffle(order := list(range(20)))
print(order, statistics.mean(sample).hex(), statistics.stdev(sample).hex(), statistics.median(sample).hex())
total = fractions.Fraction(0)
for k in range(1, 40):
    total += fractions.Fraction(1, k)
print(total)
with decimal.localcontext() as c:
    c.prec = 40
    x = decimal.Decimal(1)
    for k in range(60):
        x = (x + 2 / x) / 2
    print(x)
heap = []
for v in sample:
    heapq.heappush(heap, v)
print([heapq.heappop(heap).hex() for _ in range(3)], heapq.nsmallest(2, sample, key=lambda v: -v)[0].hex())
a = array.array("d", sample)
s = 0.0
for i in range(len(a)):
    s += a[i] * i
    a[i] = s
print(s.hex(), a[-1].hex(), bisect.bisect([v for v in sorted(sample)], 0.5))
packed = b"".join(struct.pack("<qd", i << 33, i * 0.5) for i in range(100))
print(sum(q + d for q, d in struct.iter_unpack("<qd", packed)))
count = collections.Counter(i * i % 11 for i in range(300))
dq = collections.deque(maxlen=10)
for i in range(300):
    dq.append(i)
    if i % 3:
        dq.rotate(1)
print(count.most_common(3), list(dq), sum(1 for _ in itertools.permutations(range(5))), sum(a * b for a, b in itertools.pairwise(range(200))))
P = collections.namedtuple("P", "x y")
p = P(0, 1.0)
for i in range(200):
    p = p._replace(x=p.x + i)
    p = P(p.x, p.y * 1.01)
print(p.x, p.y.hex(), textwrap.fill("word " * 60, 30).count("\n"))
m = memoryview(bytearray(range(200)))
t = 0
for i in range(200):
    m[i] = m[i] ^ 0x5A
    t += m[i] * i
print(t, sum(m[::7]))
z = 0j
for i in range(200):
    z = z * z * 0.5 + complex(0.25, i * 0.001)
print(z.real.hex(), z.imag.hex(), abs(z).hex())
