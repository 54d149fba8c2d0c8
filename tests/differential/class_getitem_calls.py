# Subscripts of instances whose class has a Python __getitem__: arguments, errors, deaths, frames, changes of the class.
import sys
log = []
class D:
    def __init__(s, n): s.n = n
    def __del__(s): log.append(('del', s.n))
    def __getitem__(s, k):
        if k == 13: raise KeyError(k)
        return s.n * k
class E(D):
    def __getitem__(s, k, d=2): return k, d
class F(D):
    __getitem__ = lambda self, *a: (a, len(a))
class G(D):
    def __getitem__(s, k):
        yield k
        yield s.n
class H(list):
    def __getitem__(s, k): return list.__getitem__(s, k) * 2
class I:
    def __getitem__(s, k):
        f = sys._getframe(1)
        return f.f_lineno, k if k < 1 else s[k - 1]
class Meta(type):
    def __getitem__(c, k): return c.__name__, k
class C(metaclass=Meta):
    def __class_getitem__(c, k): return 5
def use(o, n):
    r = None
    for i in range(n):
        try: r = o[i]
        except KeyError as e: r = repr(e), e.__traceback__.tb_next.tb_lineno
    return r if not hasattr(r, 'send') else list(r)
def temp(n):
    for i in range(n): x = D(i)[2]
    return x
def deep(o, n):
    try: return o[n]
    # What is called at the very limit, the method or the builtin in it, depends on how warm CPython's code is.
    except RecursionError as e: return str(e).split(" while ")[0]
for k in range(4):
    for o in (D(3), E(4), F(5), G(6), H(range(100)), [1] * 100, C, {i: i for i in range(100)}):
        print(use(o, 99), use(o, 14))
    print(temp(90), log); log.clear()
print(deep(I(), 5), deep(I(), 2000)); print(deep(I(), 5))
o = D(3); print(use(o, 90)); D.__getitem__ = lambda s, k: 'new'; print(use(o, 90)); 
def g(s, k): return 'g', k
D.__getitem__ = g; print(use(o, 90)); g.__code__ = (lambda s, k: ('h', k)).__code__; print(use(o, 90)); o.__class__ = E; print(use(o, 90)); del D.__getitem__
try: print(use(D(1), 90))
except TypeError as e: print(e)
