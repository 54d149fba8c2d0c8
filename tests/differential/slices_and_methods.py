# Slices that are consumed at once, and methods of builtin types, bound or not: results, errors, deaths, sizes.
import sys, gc
log = []
class D:
    def __init__(s, n): s.n = n
    def __del__(s): log.append((s.n, sys._getframe(1).f_lineno))
    def __index__(s): return s.n
def loads(l, t, s, k):
    return (l[:], l[1:], l[:k], l[k:], l[-k:], l[k::-1], l[::2], l[::-k-1], l[k:1:-1], l[1:k:2], l[10**30:], l[:-10**30:-1],
        t[:], t[1:k], t[::-1], s[k:], s[:k], s[::2], l[None:None:None], l[True:k], t[D(1):], l[D(1):D(3)], l[9:2], l[-2**63:], l[:2**63-1:2**63-1])
def stores(k):
    l = list(range(10))
    l[:k] = l[k::-1]
    l[2:4] = 'abc'
    l[k:] = (x for x in range(k))
    l[5:1] = [9, 9]
    l[:] = l
    l[1:2] = l
    del l[k:k + 2]
    del l[::-1][0:2]
    del l[::2]
    l[::2] = l[::-2][:len(l[::2])]
    l[-3:] = []
    l[1:3:1] = [7]
    return l
def errs(k):
    r = []
    l = list(range(5))
    for f in (lambda: l[::0], lambda: l[::k - k], lambda: l['a':], lambda: (1,)[::0], lambda: l.pop(77), lambda: [].pop(), lambda: l.insert('a', 1), lambda: l.append(), lambda: l.pop('a')):
        try: f()
        except Exception as e: r.append(repr(e))
    try: l[1:2] = 5
    except TypeError as e: r.append((repr(e), e.__traceback__.tb_lineno))
    try:
        l[k - k:
          2:
          k - k]
    except ValueError as e: r.append((repr(e), e.__traceback__.tb_lineno))
    return r
def deaths(k):
    l = [D(i) for i in range(8)]
    l[1:4] = [D(20), D(21)]
    del l[0:2]
    l[:] = []
    l = [D(30 + i) for i in range(8)]
    x = l[2:4]
    [D(50), D(51)][0:1]
    del l[2:4]
    del x
    l.pop(); l.pop(0)
    p = l.pop; q = l.insert; a = l.append
    p(); q(0, D(77)); a(D(78)); q(-1, D(79))
    y = p(1)
    l.clear(); l.extend([D(90)]); l.reverse(); l.copy()
def meths(k):
    l = list(range(k)); ap = l.append; po = l.pop; ins = l.insert
    out = []
    for i in range(k):
        ap(i); out.append(po(0)); ins(i, i * 2); ins(-2, 'x'); out.append(l.pop()); out.append(l.index(i) if i in l else None)
        l.append(i); out.append(l.count(i)); d = {1: i}; out.append(d.get(1)); out.append(d.get(2, 5)); out.append(d.pop(1)); out.append(d.setdefault('a', i))
        out.append('ab,c'.split(',')); out.append('x'.join(['a', 'b'])); out.append('abc'.upper()); out.append('abc'.startswith('ab')); out.append(ord('a') + i); out.append(chr(97 + i % 20)); out.append(repr(i));  out.append(sorted([3, 1, i])); out.append(sum([1, 2, i])); out.append((5).bit_length()); out.append(any([0, i]))
        out.append(sys.getsizeof(l)); out.append(divmod(i, 3)); out.append(max(i, 3)); out.append(callable(i)); out.append(iter([1]).__next__()); out.append(next(iter([1, 2])))
    for i in range(k * 2): 
        if not l: break
        l.pop(); out.append(sys.getsizeof(l)); out.append(len(l))
    for i in range(k): l.append(i); out.append(sys.getsizeof(l))
    while l: out.append(l.pop(0)); out.append(sys.getsizeof(l))
    return out
class L(list):
    def append(self, x): super().append((x, x))
class M(list): pass
def subs(k):
    r = []
    for l in ([], L(), M(), []):
        for i in range(k):
            l.append(i)
        r.append((list(l), l[1:3], type(l[1:3])))
    return r
def rec(n):
    return n and [rec(n - 1)][0]
for k in range(200):
    r = [loads(list(range(12)), tuple(range(8)), 'hello wor', k % 7), stores(k % 7 + 1), errs(k), meths(30), subs(9)]
    deaths(k)
    if k % 60 == 59: print(r, len(log), log[-40:]); log.clear()
class R:
    def __repr__(self): return repr(self)
def deep(n, l):
    l.append(n)
    return repr(R())
for i in range(3):
    try: deep(1, [])
    except RecursionError as e: print(e)
