//! Imports and pattern matching: our functions against the statements of a running CPython.

mod common;

use capi::refs::Owned;
use capi::sys::*;
use capi::{import, list, matching, tuple};
use common::{get, message, repr, run, text, with_python};

/// `repr` of a new reference, or the exception, or "no match".
fn outcome(result: *mut PyObject) -> String {
    // SAFETY: the GIL is held.
    match unsafe { Owned::from_new(result) } {
        Some(result) => repr(result.as_ptr()),
        // SAFETY: the GIL is held.
        None if unsafe { PyErr_Occurred() }.is_null() => "no match".into(),
        None => message(),
    }
}

const MODULES: &str = "
import sys, types
def module(name, **names):
    m = types.ModuleType(name); m.__dict__.update(names); sys.modules[name] = m; return m
plain = module('plain_one', x=1, _hidden=2, y=3)
with_file = module('with_file', __file__='/there/with_file.py')
starting = module('starting', __file__='/there/starting.py', __spec__=types.SimpleNamespace(_initializing=True))
parent, child = module('parent'), module('parent.child')
nameless = module('nameless'); nameless.__name__ = 5
listed = module('listed', __all__=['_hidden', 'y'], _hidden=2, x=1, y=3)
wrong_list = module('wrong_list', __all__=['y', 7], y=3)
lacking = module('lacking', __all__=['y', 'z'], y=3)
wrong_key = module('wrong_key'); wrong_key.__dict__[5] = 6
class NoDict:
    __slots__ = ()
    def __getattribute__(self, name): raise AttributeError(name)
sys.modules['no_dict'] = no_dict = NoDict()
sys.modules['bad_attribute'] = bad_attribute = type('Bad', (), {'__getattr__': lambda self, name: 1 / 0})()
";

#[test]
fn from_imports_give_and_raise_what_cpython_does() {
    with_python(|| {
        let names = run(&format!(
            "{MODULES}
cases = [(m, n) for m in (plain, with_file, starting, parent, nameless, no_dict, bad_attribute) for n in ('x', 'child')]
found = {{id(m): n for n, m in sys.modules.items()}}
def expected(m, n):
    space = {{}}
    try:
        exec(f'from {{found[id(m)]}} import {{n}}', space)
        return repr(space[n])
    except Exception as e:
        return f'{{type(e).__name__}}: {{e}}'
wanted = [expected(*case) for case in cases]
"
        ));
        let (cases, wanted) = (get(&names, "cases"), get(&names, "wanted"));
        let mut different = std::collections::BTreeSet::new();
        // SAFETY: the GIL is held; the namespace keeps all alive.
        unsafe {
            for i in 0..list::len(cases) {
                let case = list::item(cases, i);
                let result =
                    import::import_from(PyThreadState_Get(), tuple::item(case, 0), tuple::item(case, 1));
                let found = outcome(result);
                assert_eq!(found, text(list::item(wanted, i)), "{}", repr(case));
                different.insert(found);
            }
        }
        assert!(different.len() >= 10, "{different:?}");
    });
}

#[test]
fn star_imports_store_and_raise_what_cpython_does() {
    with_python(|| {
        let names = run(&format!(
            "{MODULES}
def expected(name):
    space = {{}}
    try:
        exec(f'from {{name}} import *', space)
    except Exception as e:
        return f'{{type(e).__name__}}: {{e}}'
    space.pop('__builtins__', None)
    return repr(space)
modules = ['plain_one', 'listed', 'wrong_list', 'lacking', 'wrong_key', 'nameless', 'no_dict', 'bad_attribute', 'math']
cases = [sys.modules.get(name) or __import__(name) for name in modules]
wanted = [expected(name) for name in modules]
"
        ));
        let (cases, wanted) = (get(&names, "cases"), get(&names, "wanted"));
        // SAFETY: the GIL is held; the namespace keeps all alive.
        unsafe {
            for i in 0..list::len(cases) {
                let space = Owned::from_new(PyDict_New()).unwrap();
                let done = import::import_all_from(PyThreadState_Get(), space.as_ptr(), list::item(cases, i));
                let found = if done { repr(space.as_ptr()) } else { message() };
                assert_eq!(found, text(list::item(wanted, i)), "{}", repr(list::item(cases, i)));
            }
            // a mapping that is no dict
            let mapping = run("import collections; m = collections.UserDict()");
            assert!(import::import_all_from(PyThreadState_Get(), get(&mapping, "m"), list::item(cases, 0)));
            assert_eq!(repr(get(&mapping, "m")), "{'x': 1, 'y': 3}");
        }
    });
}

#[test]
fn import_calls_the_import_of_the_frame_s_builtins() {
    with_python(|| {
        let names = run("
import builtins
def mine(*args): return [args[0], args[2:]]
def f(): pass
replaced = f.__class__(f.__code__, {'__builtins__': {'__import__': mine}}, 'replaced')
without = f.__class__(f.__code__, {'__builtins__': {}}, 'without')
");
        // SAFETY: the GIL is held; the frames are pushed and popped in order, and never linked.
        unsafe {
            let tstate = PyThreadState_Get();
            let name = Owned::from_new(PyUnicode_FromString(c"string".as_ptr())).unwrap();
            let level = Owned::from_new(PyLong_FromLong(0)).unwrap();
            let import = |function: &str| {
                let function = get(&names, function);
                capi::refs::incref(function);
                let frame = capi::frame::push(tstate, function.cast());
                let none = &raw mut _Py_NoneStruct;
                let found = outcome(import::import_name(tstate, frame, name.as_ptr(), none, level.as_ptr()));
                capi::frame::clear_and_pop(tstate, frame);
                found
            };
            assert!(import("f").starts_with("<module 'string' from "));
            assert_eq!(import("replaced"), "['string', (None, None, 0)]");
            assert_eq!(import("without"), "ImportError: __import__ not found");
        }
    });
}

#[test]
fn mapping_patterns_take_values_as_cpython_does() {
    with_python(|| {
        let names = run("
import collections, types
class Raising(dict):
    def get(self, key, default=None): raise LookupError(key)
class OnInstance(collections.UserDict): pass
own = OnInstance(a=1); own.get = lambda key, default: [key]
maps = [{'a': 1, 'b': 2}, {}, collections.defaultdict(list, a=1), types.MappingProxyType({'a': 1, 2: 3}), Raising(), own]
keys = [('a',), ('a', 'b'), (2,), (), ('a', 'a'), ([],)]
cases = [(m, k) for m in maps for k in keys]
def expected(m, k):
    try:
        seen, missing, values = set(), object(), []
        for i, key in enumerate(k):
            if key in seen: raise ValueError(f'mapping pattern checks duplicate key ({key!r})')
            seen.add(key)
            value = m.get(key, missing)
            if value is missing: return 'None'
            values.append(value)
        return repr(tuple(values))
    except Exception as e:
        return f'{type(e).__name__}: {e}'
wanted = [expected(*case) for case in cases]
");
        let (cases, wanted) = (get(&names, "cases"), get(&names, "wanted"));
        // SAFETY: the GIL is held; the namespace keeps all alive.
        unsafe {
            for i in 0..list::len(cases) {
                let case = list::item(cases, i);
                let result =
                    matching::match_keys(PyThreadState_Get(), tuple::item(case, 0), tuple::item(case, 1));
                assert_eq!(outcome(result), text(list::item(wanted, i)), "{}", repr(case));
            }
        }
    });
}

#[test]
fn class_patterns_take_attributes_and_raise_as_cpython_does() {
    with_python(|| {
        let names = run("
class Point:
    __match_args__ = ('x', 'y')
    def __init__(self): self.x, self.y = [1], [2]
    def __repr__(self): return 'point'
class Partial(Point):
    @property
    def y(self): raise AttributeError
    @y.setter
    def y(self, value): pass
class Failing(Partial):
    @property
    def y(self): return 1 / 0
    @y.setter
    def y(self, value): pass
class ListArgs(Point): __match_args__ = ['x']
class IntArgs(Point): __match_args__ = ('x', 5)
class Twice(Point): __match_args__ = ('x', 'x')
class MyInt(int): pass
class NoSelf(int): __match_args__ = ()
class FailingArgs(type):
    @property
    def __match_args__(cls): return 1 / 0
class Meta(metaclass=FailingArgs): pass
subjects = [Point(), Partial(), Failing(), ListArgs(), IntArgs(), Twice(), MyInt(3), NoSelf(4), 'text', Meta()]
classes = [Point, Partial, Failing, ListArgs, IntArgs, Twice, MyInt, NoSelf, int, str, Meta, object, 'not a class']
shapes = [(0, ()), (1, ()), (2, ()), (3, ()), (0, ('x',)), (1, ('y',)), (1, ('x',)), (0, ('nowhere',)), (0, ('x', 'x'))]
cases = [(s, c, n, k) for s in subjects for c in classes for n, k in shapes]
def expected(s, c, n, k):
    patterns = [f'p{i}' for i in range(n)] + [f'{name}=k{i}' for i, name in enumerate(k)]
    wanted = ','.join([f'p{i}' for i in range(n)] + [f'k{i}' for i in range(len(k))])
    source = f'match s:\\n case c({\", \".join(patterns)}): found = ({wanted}{\",\" if wanted else \"\"})\\n case _: found = None'
    space = dict(s=s, c=c)
    try:
        exec(source, space)
        return 'no match' if space['found'] is None else repr(space['found'])
    except SyntaxError:
        return None
    except Exception as e:
        return f'{type(e).__name__}: {e}'
wanted = [(case, expected(*case)) for case in cases]
wanted = [pair for pair in wanted if pair[1] is not None]
");
        let wanted = get(&names, "wanted");
        let (mut matched, mut refused) = (0, 0);
        // SAFETY: the GIL is held; the namespace keeps all alive.
        unsafe {
            for i in 0..list::len(wanted) {
                let pair = list::item(wanted, i);
                let case = tuple::item(pair, 0);
                let positional = capi::long::as_i64(tuple::item(case, 2)).unwrap() as usize;
                let result = matching::match_class(
                    PyThreadState_Get(),
                    tuple::item(case, 0),
                    tuple::item(case, 1),
                    positional,
                    tuple::item(case, 3),
                );
                let found = outcome(result);
                assert_eq!(found, text(tuple::item(pair, 1)), "{}", repr(case));
                matched += usize::from(found.starts_with('('));
                refused += usize::from(found.contains("Error: "));
            }
        }
        assert!(matched > 50 && refused > 50, "{matched} {refused}");
    });
}
