//! Generators that this crate makes and looks into, run and inspected by CPython itself.

mod common;

use capi::refs::{Owned, decref};
use capi::sys::*;
use capi::{frame, generators};
use common::{get, message, run, with_python};

/// What `RETURN_GENERATOR` does, for a function without parameters: a generator with a frame of its own.
///
/// # Safety
/// The GIL is held; `func` is a generator function, coroutine function or the like.
unsafe fn make(func: *mut PyObject) -> Owned {
    // SAFETY: the caller guarantees the function; the frame is pushed, current while the generator is made, and popped.
    unsafe {
        let tstate = PyThreadState_Get();
        let func: *mut PyFunctionObject = capi::refs::new_ref(func).cast();
        let pushed = frame::push(tstate, func);
        let code = (*pushed).f_code;
        frame::locals(pushed).write_bytes(0, (*code).co_nlocalsplus as usize);
        let cframe = (*tstate).cframe;
        (*pushed).previous = (*cframe).current_frame;
        (*cframe).current_frame = pushed;
        // Behind RETURN_GENERATOR, where the evaluator would be.
        let first = frame::first_instruction(code);
        let made = (0..).find(|&i| *first.add(i) as u8 == capi::opcode::RETURN_GENERATOR);
        (*pushed).prev_instr = first.add(made.unwrap());
        let generator = generators::make_coro(tstate, func);
        assert!(!generator.is_null());
        (*cframe).current_frame = (*pushed).previous;
        generators::move_frame(pushed, generator);
        frame::pop(tstate, pushed);
        Owned::from_new(generator.cast()).unwrap()
    }
}

const SAMPLE: &str = "
import types
class Delegate:
    def __iter__(self): return self
    def __next__(self): return 'delegated'
    def send(self, value): return 'sent'
delegate = Delegate()
def plain():
    got = yield 1
    yield ('got', got)
    yield from delegate
async def coroutine():
    return 'done'
async def asynchronous():
    yield 'value'
def drive(awaitable):
    try:
        awaitable.send(None)
    except StopIteration as stop:
        return stop.value
def check_plain(generator):
    assert type(generator) is types.GeneratorType and generator.__name__ == 'plain'
    assert generator.gi_frame.f_lineno == plain.__code__.co_firstlineno
    assert next(generator) == 1
    assert generator.send('x') == ('got', 'x')
    assert next(generator) == 'delegated'
    assert generator.gi_yieldfrom is delegate
def check_coroutine(coro):
    assert type(coro) is types.CoroutineType and coro.cr_origin is None
    assert drive(coro) == 'done'
def check_asynchronous(generator):
    assert type(generator) is types.AsyncGeneratorType
    assert drive(generator.asend(None)) == 'value'
@types.coroutine
def old_style():
    yield
class Awaits:
    def __init__(self, result): self.result = result
    def __await__(self): return self.result
iterator = iter([])
good, bad, worse = Awaits(iterator), Awaits(5), Awaits(old_style())
";

/// Calls a function of the sample with one argument.
///
/// # Safety
/// The GIL is held.
unsafe fn call(names: &Owned, name: &str, argument: *mut PyObject) {
    // SAFETY: the namespace keeps the function alive.
    unsafe {
        let result = PyObject_CallOneArg(get(names, name), argument);
        if result.is_null() {
            PyErr_Print();
            panic!("{name} raised");
        }
        decref(result);
    }
}

#[test]
fn generators_of_each_kind_start_run_and_delegate() {
    with_python(|| {
        let names = run(SAMPLE);
        // SAFETY: the GIL is held; the namespace keeps the functions alive.
        unsafe {
            let generator = make(get(&names, "plain"));
            let object: *mut PyGenObject = generator.as_ptr().cast();
            assert!(generators::delegate(object).is_null(), "not started");
            call(&names, "check_plain", generator.as_ptr());
            let delegate = Owned::from_new(generators::delegate(object)).expect("it delegates");
            assert_eq!(delegate.as_ptr(), get(&names, "delegate"));
            call(&names, "check_coroutine", make(get(&names, "coroutine")).as_ptr());
            call(&names, "check_asynchronous", make(get(&names, "asynchronous")).as_ptr());
        }
    });
}

#[test]
fn a_coroutine_remembers_its_origin_when_asked_to() {
    with_python(|| {
        let names = run(SAMPLE);
        // SAFETY: the GIL is held; the coroutine is closed by its death.
        unsafe {
            let tstate = PyThreadState_Get();
            (*tstate).coroutine_origin_tracking_depth = 3;
            let coroutine = make(get(&names, "coroutine"));
            (*tstate).coroutine_origin_tracking_depth = 0;
            // No Python frame is around us.
            let origin = (*coroutine.as_ptr().cast::<PyCoroObject>()).cr_origin_or_finalizer;
            assert_eq!(common::repr(origin), "()");
            call(&names, "drive", coroutine.as_ptr());
        }
    });
}

#[test]
fn awaitables_give_their_iterator_or_cpythons_message() {
    with_python(|| {
        let names = run(SAMPLE);
        // SAFETY: the GIL is held; the namespace keeps the objects alive.
        unsafe {
            let iterator = Owned::from_new(generators::awaitable_iter(get(&names, "good"))).unwrap();
            assert_eq!(iterator.as_ptr(), get(&names, "iterator"));
            for (name, text) in [
                ("bad", "__await__() returned non-iterator of type 'int'"),
                ("worse", "__await__() returned a coroutine"),
                ("iterator", "object list_iterator can't be used in 'await' expression"),
            ] {
                assert!(generators::awaitable_iter(get(&names, name)).is_null());
                assert_eq!(message(), format!("TypeError: {text}"));
            }
        }
    });
}

#[test]
fn wrapped_values_hold_one_count_and_go_through_the_free_list() {
    with_python(|| {
        let names = run("value = object()");
        let value = get(&names, "value");
        // SAFETY: the GIL is held; each wrapper is dropped once.
        unsafe {
            let tstate = PyThreadState_Get();
            let before = (*value).ob_refcnt;
            let first = generators::wrap_async_value(tstate, value);
            assert_eq!((*value).ob_refcnt, before + 1);
            decref(first);
            assert_eq!((*value).ob_refcnt, before);
            let second = generators::wrap_async_value(tstate, value);
            assert_eq!(second, first, "taken from the free list");
            assert_eq!((*second).ob_refcnt, 1);
            decref(second);
        }
    });
}
