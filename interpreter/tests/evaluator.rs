//! Programs run by our evaluator print what CPython's prints; the JIT is asked where its interface says.
//!
//! One Python for all tests of this file; each program is executed twice in it, by CPython's evaluator and by ours.

use capi::sys;
use interpreter::code_data::{CodeData, LoopCell, set_threshold};
use interpreter::direct::Direct;
use interpreter::evaluate;
use interpreter::jit::{Jit, set_jit};
use interpreter::machine::Flow;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Holds Python and its GIL.
struct Python {
    state: sys::PyGILState_STATE,
    _lock: MutexGuard<'static, ()>,
}

impl Python {
    fn get() -> Python {
        static START: Once = Once::new();
        let lock = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // SAFETY: started once; afterwards the GIL is free for whoever asks.
        unsafe {
            START.call_once(|| {
                sys::Py_InitializeEx(0);
                sys::PyEval_SaveThread();
            });
            Python { state: sys::PyGILState_Ensure(), _lock: lock }
        }
    }

    /// What a program prints, and the traceback it ends with.
    fn run(&self, program: &str) -> String {
        const HARNESS: &CStr = c"
import io, sys, traceback
def harness(source):
    out, sys.stdout = sys.stdout, io.StringIO()
    try:
        try:
            exec(compile(source, '<program>', 'exec'), {'__name__': '__main__'})
        except BaseException:
            print(traceback.format_exc())
        return sys.stdout.getvalue()
    finally:
        sys.stdout = out
";
        let source = CString::new(program).expect("no NUL in programs");
        // SAFETY: the GIL is held; all objects are checked before they are used.
        unsafe {
            let globals = sys::PyDict_New();
            let module = sys::PyRun_String(HARNESS.as_ptr(), sys::Py_file_input as i32, globals, globals);
            assert!(!module.is_null(), "the harness compiles");
            let harness = sys::PyDict_GetItemString(globals, c"harness".as_ptr());
            let text = sys::PyUnicode_FromString(source.as_ptr());
            let result = sys::PyObject_CallOneArg(harness, text);
            if result.is_null() {
                sys::PyErr_Print();
                panic!("the harness catches all");
            }
            let output = CStr::from_ptr(sys::PyUnicode_AsUTF8(result)).to_string_lossy().into_owned();
            capi::refs::decref(result);
            capi::refs::decref(text);
            sys::PyDict_Clear(globals);
            capi::refs::decref(globals);
            output
        }
    }

    /// The output under CPython's evaluator equals that under ours.
    fn same(&self, program: &str) {
        let expected = self.run(program);
        // SAFETY: the GIL is held.
        let ours = unsafe {
            assert!(evaluate::install());
            let ours = self.run(program);
            evaluate::uninstall();
            ours
        };
        assert_eq!(expected, ours, "program:\n{program}");
        assert!(!expected.is_empty(), "the program prints something:\n{program}");
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // SAFETY: taken by `get` in this thread.
        unsafe { sys::PyGILState_Release(self.state) }
    }
}

#[test]
fn arithmetic_of_ints_at_the_edges_of_machine_words() {
    Python::get().same(
        "
edges = [0, 1, -1, 2, 7, -7, 2**15, 2**30-1, 2**30, -2**30, 2**53, 2**53+1, 2**60, 2**62, 2**63-1, 2**63, -2**63,
         -2**63-1, 2**64, True]
def all_of(a, b):
    yield a + b; yield a - b; yield a * b; yield a & b; yield a | b; yield a ^ b
    yield a < b; yield a <= b; yield a == b; yield a != b; yield a > b; yield a >= b
    for f in (lambda: a // b, lambda: a % b, lambda: a / b, lambda: a << (b & 70), lambda: a >> (b & 70),
              lambda: a ** (b & 3)):
        try:
            yield f()
        except ZeroDivisionError as e:
            yield str(e)
for a in edges:
    print(-a, +a, ~a, not a, abs(a))
    for b in edges:
        print(a, b, *all_of(a, b))
",
    );
}

#[test]
fn arithmetic_of_floats_and_mixtures_bit_by_bit() {
    Python::get().same(
        "
edges = [0.0, -0.0, 1.0, -1.5, 2.5, 1e308, -1e308, 5e-324, float('inf'), float('-inf'), float('nan'), 3, -3, 0,
         2**53+1, 2**70]
def show(f):
    try:
        x = f()
        return x.hex() if isinstance(x, float) else repr(x)
    except Exception as e:
        return type(e).__name__ + str(e)
for a in edges:
    for b in edges:
        if isinstance(a, int) and isinstance(b, int): continue
        print(a, b, [show(f) for f in (lambda: a + b, lambda: a - b, lambda: a * b, lambda: a / b, lambda: a // b,
              lambda: a % b, lambda: a ** b, lambda: a < b, lambda: a == b, lambda: a >= b, lambda: a != b)])
    print(show(lambda: -a), show(lambda: not a), show(lambda: abs(a)))
",
    );
}

#[test]
fn a_float_that_others_hold_is_never_changed_in_place() {
    Python::get().same(
        "
def f(x):
    kept = x * 1.5
    also = kept
    y = kept + 1.0
    y = (x + 0.5) * (x + 0.25) - kept
    y += kept
    z = y
    y *= 2.0
    return kept, also, y, z, x
for i in range(3): print(f(i + 0.125))
",
    );
}

#[test]
fn calls_bind_their_arguments() {
    Python::get().same(
        "
def plain(a, b, c): return a, b, c
def defaults(a, b=2, c=3): return a, b, c
def everything(a, /, b, *args, c, d=4, **rest): return a, b, args, c, d, sorted(rest.items())
class C:
    def __init__(self, x, *, y=0): self.x, self.y = x, y
    def method(self, z, w=9): return self.x, self.y, z, w
    @classmethod
    def cm(cls, *a): return cls.__name__, a
    @staticmethod
    def sm(a, b=1): return a, b
    def __call__(self, *a, **k): return a, k
o = C(1, y=2)
bound = o.method
for thing in [lambda: plain(1, 2, 3), lambda: plain(1, c=3, b=2), lambda: plain(1, 2), lambda: plain(1, 2, 3, 4),
              lambda: plain(1, 2, b=3), lambda: plain(1, 2, 3, d=4), lambda: defaults(1), lambda: defaults(1, c=5),
              lambda: defaults(), lambda: everything(1, 2, 3, 4, c=5, e=6), lambda: everything(1, b=2, c=3, a=4),
              lambda: everything(1, 2), lambda: o.method(3), lambda: o.method(z=3), lambda: bound(4, w=5),
              lambda: bound(), lambda: C.cm(1, 2), lambda: o.sm(1), lambda: o(1, k=2),
              lambda: plain(*[1, 2], **{'c': 3}), lambda: plain(*5), lambda: plain(**{1: 2}),
              lambda: plain(1, **{'a': 1}), lambda: len([1, 2]), lambda: len(), lambda: str(5) + str(),
              lambda: type(o).__name__, lambda: tuple('ab'), lambda: print('x', end='y\\n'), lambda: [].append(1),
              lambda: {}.get(1, 2), lambda: 'a'.join(['b', 'c']), lambda: o.x()]:
    for _ in range(3):
        try:
            print(thing())
        except Exception as e:
            print(type(e).__name__, e)
defaults.__defaults__ = (20, 30)
print(defaults(1))
defaults.__code__ = plain.__code__
print(defaults(1))
",
    );
}

#[test]
fn tracebacks_have_the_same_lines_and_columns() {
    for program in [
        "
def inner(x):
    return 1 + x / (x - x)
def middle(x):
    try:
        return [inner(y) for y in range(x, x + 3)]
    finally:
        print('finally')
def outer():
    for i in range(2, 5):
        with open('/dev/null'):
            middle(i)
outer()
",
        "def f(n): return f(n + 1) + 1\ntry: f(0)\nexcept RecursionError as e: print(e)",
        "def f():\n    print(y)\n    y = 1\nf()\n",
        "a = [1, 2]\na[5] = a[-3]\n",
        "class A: pass\nA().b.c\n",
        "x, y = 1, 2\nx, y, z = (x, y)\n",
    ] {
        Python::get().same(program);
    }
}

#[test]
fn exceptions_are_caught_raised_and_chained() {
    Python::get().same(
        "
class E(Exception): pass
def f(k):
    try:
        try:
            if k == 0: raise E('zero')
            if k == 1: raise E
            if k == 2: raise E from KeyError(2)
            if k == 3: {}[3]
            if k == 4: raise 4
            if k == 5: return 'returned'
        except KeyError as e:
            raise E('three') from e
        else:
            return 'else'
        finally:
            print('finally', k)
    except E as e:
        return repr(e), repr(e.__cause__), repr(e.__context__)
    except (TypeError, ValueError):
        try:
            raise
        except TypeError as e:
            return 'again', str(e)
for k in range(7): print(f(k))
try:
    raise ExceptionGroup('g', [ValueError(1), TypeError(2), OSError(3)])
except* ValueError as e: print('v', e.exceptions)
except* (TypeError, OSError) as e: print('t', e.exceptions)
def raises():
    try: 1/0
    except 5: pass
try: raises()
except TypeError as e: print(e, repr(e.__context__))
",
    );
}

#[test]
fn generators_coroutines_and_context_managers() {
    Python::get().same(
        "
import contextlib, asyncio
def g(n):
    try:
        x = 0
        while x < n:
            got = yield x
            x += 1 if got is None else got
        return 'end'
    except ValueError as e:
        yield 'caught ' + str(e)
    finally:
        print('closed')
def d(n):
    r = yield from g(n)
    yield r
print(list(d(3)))
it = g(10); print(next(it), it.send(4)); print(it.throw(ValueError('v'))); it.close()
@contextlib.contextmanager
def cm(x):
    print('enter', x)
    try: yield x * 2
    except KeyError: print('swallowed')
    finally: print('exit')
with cm(1) as a, cm(2) as b: print(a, b); raise KeyError
async def agen(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
class ACM:
    async def __aenter__(self): return 'acm'
    async def __aexit__(self, *a): print('aexit', a[0]); return True
async def main():
    async with ACM() as x: print(x)
    async with ACM(): 1/0
    print([i async for i in agen(3)], [await asyncio.gather(*[asyncio.sleep(0, k) for k in range(3)])])
loop = asyncio.new_event_loop(); loop.run_until_complete(main()); loop.close()
print(sum(x * y for x in range(4) for y in range(x)))
",
    );
}

#[test]
fn objects_die_in_order_and_see_the_right_frames() {
    Python::get().same(
        "
import sys
class D:
    def __init__(self, n): self.n = n
    def __del__(self):
        f = sys._getframe(1)
        print('del', self.n, f.f_code.co_name, f.f_lineno, sorted(f.f_locals)[:3])
    def __add__(self, o): return D(self.n + o.n)
    def __eq__(self, o): return self.n == o.n
    def __getitem__(self, i): return D(i)
    def __call__(self, a): return D(a.n * 10)
def f(a, b):
    x = D(1) + D(2)
    x = D(4)
    y = D(5) == D(6)
    z = D(7)[8]
    l = [D(9), D(10)]
    l[0] = D(11)
    del l[0]
    D(12)(D(13))
    for i in [D(16), D(17)]: pass
    a, b = b, a
    d = {1: D(18)}
    d[1] = D(19)
    D(20).other = D(21)
    p, q = (D(22), D(23))
    p = q
    return z
f(D(100), D(200))
",
    );
}

#[test]
fn names_globals_cells_and_classes() {
    Python::get().same(
        "
x = 1
def read(): return x, len
def write():
    global x, fresh
    x += 1; fresh = x
for i in range(3):
    write(); print(read()[0], fresh)
len = 'shadowed'
print(read())
del len
print(read())
def counter():
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    return inc, lambda: n
inc, get = counter(); inc(); inc(); print(get())
class Meta(type):
    def __prepare__(name, bases): return {'seen': []}
class K(metaclass=Meta):
    a: int = 1
    b = a + 1
    seen.append(b)
    def m(self): return __class__.__name__
print(K.seen, K().m(), K.__annotations__)
class S:
    __slots__ = ('p', 'q')
    def __init__(self): self.p = 1
s = S()
for i in range(3): s.p += i; print(s.p)
try: s.q
except AttributeError as e: print(e)
class P:
    k = 5
    @property
    def r(self): return self.v * 2
    def __getattr__(self, n): return n.upper()
p = P()
for i in range(4): p.v = i; print(p.r, p.k, p.zz, p.__dict__)
P.k = 6; print(p.k); p.k = 7; print(p.k); del p.k; print(p.k)
exec('y = x; print(y, [y for _ in range(2)])')
import math as m; from os.path import join as j
print(m.floor(2.5), j('a', 'b'))
try: from os import nothing_of_this_name
except ImportError as e: print(e)
try: undefined_name
except NameError as e: print(e, e.name)
",
    );
}

#[test]
fn attributes_that_change_under_a_cached_look_up() {
    Python::get().same(
        "
class A:
    def __init__(self, v): self.v = v
    def get(self): return self.v
def look(o): return o.v, o.get()
a = A(1)
for i in range(4): print(look(a))
A.get = lambda self: 'replaced'
print(look(a))
a.get = lambda: 'own'
print(look(a)); print(look(A(2)))
a.__dict__['v'] = 'through the dict'; print(look(a))
A.v = property(lambda self: 'data descriptor')
print(look(a))
del A.v
class B:
    v = 'class'
    def get(self): return 'B'
a.__class__ = B; print(look(a))
import types
mod = types.ModuleType('mod'); mod.v = 1; mod.get = lambda: 'module function'
for i in range(3): mod.v = i; print(look(mod))
del mod.v
try: look(mod)
except AttributeError as e: print(e)
mod.__dict__.clear(); mod.get = len; mod.v = 7
try: print(look(mod))
except TypeError as e: print(e)
",
    );
}

#[test]
fn sequences_matching_strings_and_sets() {
    Python::get().same(
        "
l = [1, 2, 3]
a, *b = l; *c, d = (4, 5, 6); [e, (f, g)] = [1, 'xy']
print(a, b, c, d, e, f, g, [*l, *'ab'], (*l,), {*l, 9}, {**{'a': 1}, 'b': 2})
for bad in ('a, b = 1', 'a, b = [1]', 'a, b = 1, 2, 3', 'a, *b, c = [1]', '[*5]', '{**5}'):
    try: exec(bad)
    except Exception as ex: print(type(ex).__name__, ex)
print(l[-1], l[1:], l[::-1], (1, 2)[-2], 'abc'[1], l[True], 2 in l, 5 not in l, l is l, l is not None)
def m(x):
    match x:
        case 0 | 1: return 'small'
        case int(n) if n > 10: return 'big', n
        case [p, q, *r]: return 'seq', p, q, r
        case {'k': v, **rest}: return 'map', v, rest
        case complex(real=re): return 'complex', re
        case str() as s: return s
        case _: return None
print([m(x) for x in (0, 11, 5, [1, 2, 3], {'k': 1, 'z': 2}, 3j, 'text', None)])
s = ''
for i in range(50): s += chr(65 + i % 26)
def grow(n):
    s = ''
    for i in range(n): s += 'ab'; t = s
    s += '!'
    return s, t
print(s, grow(9), f'{1.5:>8.2f}|{s!r:.5}|{l}|{3!s}')
print({i: i * i for i in range(3)}, {i % 2 for i in range(5)}, [i for i in range(9) if i % 2 if i > 2])
n = 0
for i in range(5):
    for j in [1, 2, 3]:
        if j == 2: continue
        if i == 3: break
        n += i * j
    else: n += 100
print(n, [x for x in enumerate('ab')], list(zip('ab', (1, 2))))
it = iter(l); l.append(4); print(list(it), list(it)); l.append(5); print(list(it))
",
    );
}

#[test]
fn trace_and_profile_functions_see_every_event_from_when_they_are_set() {
    Python::get().same(
        "
import sys
events = []
def tracer(frame, event, arg):
    events.append((frame.f_code.co_name, event, frame.f_lineno))
    return tracer
def g(x):
    y = x + 1
    return y
def f():
    g(1)
    sys._getframe().f_trace = tracer
    sys.settrace(tracer)
    a = g(2)
    for i in range(2):
        a += i
    try:
        g('x')
    except TypeError:
        pass
    sys.settrace(None)
    g(3)
f()
print(events)
events.clear()
sys.setprofile(lambda fr, ev, arg: events.append((fr.f_code.co_name, ev)))
g(1); len('x')
sys.setprofile(None)
print(events)
",
    );
}

#[test]
fn long_loops_run_in_a_small_stack() {
    // In optimised builds each opcode's handler jumps to the next. A handler that called it instead would need some stack for
    // each instruction executed.
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
        Python::get().same(
            "
class C:
    def __init__(self): self.x = 0; self.y = 0.0
    def step(self, i, k=1): self.x = self.x + i * k; return self
class Nothing:
    def __enter__(self): pass
    def __exit__(self, *a): pass
def loop(n, nothing):
    c = C(); l = [0] * 8; d = {}; s = 0; f = 0.5; t = ''; cell = 0
    def closure(): nonlocal cell; cell += 1; return cell
    for i in range(n):
        l[i & 7] = i; s += l[i & 7] % 7; d[i & 3] = s; f = f * 0.5 + i / 3; c.y = f
        c.step(i).step(2, k=3); closure(); a, b = i, s; a, b = b, a
        if not (a < b or a is None) and i in d: s -= 1
        t = f'{i}' + str(s); x = -s; x = ~x; x = [i, s][0:1]; x = (i, *l); x = {'k': i}; x = len(l)
        try:
            if i % 5 == 0: raise ValueError
        except ValueError: pass
        with nothing: pass
        del x
    while s > 0: s -= 1
    return s, f, c.x, cell, t
print(loop(60000, Nothing()))
",
        );
    });
    thread.expect("a thread starts").join().expect("no overflow, same output");
}

/// Counts what the evaluator asks.
struct Counting {
    edges: AtomicUsize,
    dropped: AtomicUsize,
}

static COUNTING: Counting = Counting { edges: AtomicUsize::new(0), dropped: AtomicUsize::new(0) };

impl Jit for Counting {
    fn loop_edge(&self, d: &mut Direct, cell: &mut LoopCell) -> Flow {
        // SAFETY: the machine stands at the loop's header.
        let here = unsafe { d.ip.offset_from(interpreter::code_data::units((*d.frame).f_code)) };
        assert_eq!(here as u32, cell.header);
        self.edges.fetch_add(1, Ordering::Relaxed);
        cell.counter = 9;
        Flow::Next
    }
    fn code_dropped(&self, data: &CodeData) {
        assert!(!data.loops.is_empty());
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_jit_is_asked_when_a_counter_runs_out_and_told_when_code_dies() {
    let python = Python::get();
    set_threshold(19);
    set_jit(Some(&COUNTING));
    // SAFETY: the GIL is held.
    unsafe { assert!(evaluate::install()) };
    let output = python.run(
        "
def f():
    i = 0
    while i < 100: i += 1
    return i
print(f())
del f
",
    );
    // SAFETY: the GIL is held.
    unsafe { evaluate::uninstall() };
    set_jit(None);
    set_threshold(1039);
    assert_eq!(output, "100\n");
    // 99 backward jumps: the 20th, then each 10th.
    assert_eq!(COUNTING.edges.load(Ordering::Relaxed), 8);
    assert_eq!(COUNTING.dropped.load(Ordering::Relaxed), 1);
}
