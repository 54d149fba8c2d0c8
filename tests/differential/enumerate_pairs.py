# The pair that enumerate hands out and takes back: deaths, who holds it, the garbage collector, the last index.
import gc, sys
def f(u):
    s = 0
    for j, x in enumerate(u):
        s += j * x
    return s
class D:
    def __init__(s, n): s.n = n
    def __del__(s): log.append((s.n, sys._getframe(1).f_lineno))
log = []
def g(n):
    l = [D(i) for i in range(n)]
    e = enumerate(l, 5)
    for i, d in e:
        l[i - 5] = None
    del l
    log.append('end')
def h(u):
    r = []
    e = enumerate(u)
    for i, x in e:
        r.append(i)
        if i == 500:
            t = next(e)
            r.append(t)
            for t in e:
                r.append(t)
                if t[0] == 900: break
            keep = [next(e)]
            for t in e: 
                r.append(t)
                if t[0] == 1000: break
    return r, keep
for k in range(60):
    f([1.5] * 130); f(list(range(130))); f(tuple(range(100)))
print(f([1.5]*130), f(list(range(130))), f(tuple(range(1000))))
for k in range(3):
    g(300)
    gc.collect()
    print(log[-10:], len(log))
print(h(list(range(1500))))
def big(u):
    out = []
    for i, x in enumerate(u, sys.maxsize - 100):
        out.append(i)
    return out
for k in range(50): r = big(range(130)); r2 = big([1]*130)
print(r == r2, r[-1], r2[-1])
# the pair is watched by the GC again
def gcs():
    l = [1.0] * 3000
    e = enumerate(l)
    for i, x in e:
        if i % 300 == 0:
            gc.collect()
        if i == 1700:
            p = [o for o in gc.get_referents(e) if type(o) is tuple]
            print(p, gc.is_tracked(p[0]), sys.getrefcount(p[0]))
    return e
gcs(); gcs()
