# Items of array.array: every kind of number, ranges, indices, growing, mixed with other containers.
from array import array
def work(a, n):
    s = 0
    for i in range(-n, n):
        s += a[i]
        a[i] = a[i // 2] * 2 % 100
        a[-1] = 7
    return s
for code in 'bBhHiIlLqQfd':
    for k in range(6):
        a = array(code, [(i * 3) % 100 for i in range(100)])
        r = work(a, 100)
    print(code, r, a[:20], a[99])
def st(a, vals):
    out = []
    for k, v in enumerate(vals):
        for i in range(3):
            try:
                a[k % 5 + i] = v
            except Exception as e:
                out.append(repr(e))
        out.append(a[k % 5])
    return out
vals = [1, 2, -1, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**63 - 1, -2**63, 2**63, 2**70, 1.5, -0.0, float('inf'), True, 'x', None, 2**53 + 1] * 20
for code in 'ilqd':
    for k in range(4):
        print(code, st(array(code, [0] * 10), vals))
def ind(a):
    out = []
    for i in range(-8, 9):
        for _ in range(30):
            try: out.append(a[i])
            except IndexError as e: out.append(str(e))
            try: a[i] = i
            except IndexError as e: out.append(str(e))
    return out
for code in 'id': print(ind(array(code, [5, 6, 7]))[-3:])
class A(array):
    def __getitem__(self, i): return 'sub'
def grow(a):
    s = 0
    for i in range(3000):
        a.append(i)
        s += a[i] + a[-1]
        if i % 1000 == 999: del a[10:20]
        if len(a) <= i + 1: a.extend([1] * 50)
    return s, len(a)
for t in (array('d'), array('i'), A('d')): 
    try: print(grow(t))
    except TypeError as e: print(e)
def mix(xs):
    s = 0
    for k in range(400):
        for x in xs: s += x[k % 3]
    return s
print(mix([array('d', [1, 2, 3]), [1, 2, 3], (4, 5, 6), array('i', [7, 8, 9]), {0: 1, 1: 2, 2: 3}, b'abc', array('h', [1, 2, 3])]))
