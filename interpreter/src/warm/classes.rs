//! Calls of Python classes: the instance is made here and `__init__` pushed as a frame, as `type.__call__`, `object.__new__` and
//! `slot_tp_init` would do by three calls in C. See `completion` for the return.

use super::call_site::{CALL, PRECALL, Site, site};
use super::registers::{Registers, jump};
use super::{Handler, calls, dispatch, handlers};
use crate::completion::Completion;
use crate::direct::Direct;
use crate::direct_only::Name;
use crate::machine::Flow;
use crate::{bind, code_data, eval_breaker, helpers};
use capi::frame;
use capi::refs::{decref, incref, type_of};
use capi::sys::{self, PyCodeObject, PyFunctionObject, PyObject, PyTypeObject};
use capi::words::{copy_references, fill_nulls};

static INIT: Name = Name::new(c"__init__");

handlers! {
    /// A class of the remembered version, whose `__init__` is a Python function.
    fn class(w, nargs) {
        let class = w.peek(nargs + 1);
        if !is_class(class, w.peek(nargs + 2), (*site!(w)).version) {
            return w.instead(super::call_site::miss, nargs);
        }
        // A level for the class's call, one for the function.
        if !calls::may_call(&w, 2) {
            return w.instead(calls::precall, nargs);
        }
        w.ip = w.ip.add(PRECALL);
        w.show();
        let instance = new_instance(class.cast());
        if instance.is_null() {
            drop_operands(&mut w, nargs);
            return super::exceptions::raise(w);
        }
        w.poke(nargs + 2, instance);
        w.instead(push_init, nargs)
    }

    /// The instance is made; now `__init__`.
    fn push_init(w, nargs) {
        let site = w.cache::<Site>(1);
        let (class, instance) = (w.peek(nargs + 1), w.peek(nargs + 2));
        // The collector may have run code meanwhile: the class may have changed, or what the site remembers.
        let kept = std::ptr::fn_addr_eq((*w.ip.sub(PRECALL)).handler, class_of());
        if !kept || (*class.cast::<PyTypeObject>()).tp_version_tag != (*site).version {
            return w.instead(init_in_c, nargs);
        }
        let function = (*site).object.cast::<PyFunctionObject>();
        let code = (*function).func_code.cast::<PyCodeObject>();
        let brief = code_data::brief(code);
        if brief.is_null() || i32::from((*brief).parameters) != nargs as i32 + 1 || !(*site).names.is_null() {
            return w.instead(bind_init, nargs);
        }
        let bytes = (*brief).frame_bytes;
        if !calls::has_room(&w, bytes, 2) {
            return w.instead(bind_init, nargs);
        }
        let Some(completion) = Completion::warm_init(nargs) else { return w.instead(init_in_c, nargs) };
        (*function).ob_base.ob_refcnt += 1;
        (*w.tstate).recursion_remaining -= 1;
        let callee = calls::push_frame_as(&w, function, code, bytes, w.instruction(), CALL, completion);
        let locals = frame::locals(callee);
        (*instance).ob_refcnt += 1;
        *locals = instance;
        let to = copy_references(w.sp.sub(nargs), nargs, locals.add(1));
        let end = locals.add((*code).co_nlocalsplus as usize);
        fill_nulls(to, end);
        let start = if w.breaker_clear() { (*brief).start() } else { (*brief).units };
        jump(callee, end, start, w.tstate, w.home)
    }

    /// The same for an `__init__` with any parameters, or that is not warm.
    fn bind_init(w, nargs) {
        if !calls::may_call(&w, 2) {
            return w.instead(init_in_c, nargs);
        }
        let Some(completion) = Completion::warm_init(nargs) else { return w.instead(init_in_c, nargs) };
        let site = w.cache::<Site>(1);
        (*w.tstate).recursion_remaining -= 1;
        let shown = w.instruction();
        let warm = calls::reserve(&w, (*site).object.cast(), CALL);
        let callee = bind::push_copies(
            w.tstate,
            (*site).object.cast(),
            w.peek(nargs + 2),
            w.sp.sub(nargs),
            nargs,
            (*site).names,
        );
        if callee.is_null() {
            calls::unreserve(&w, warm);
            let Registers { frame, sp, tstate, home, .. } = w;
            (*home).registers = Direct { frame, sp, ip: shown.add(1), tstate, home };
            return completion.without_link().finish(&mut (*home).registers, std::ptr::null_mut());
        }
        calls::enter(w, callee, shown, completion, warm)
    }

    /// The same by the class's own slot: for the rare instance whose making changed the class.
    fn init_in_c(w, nargs) {
        let (class, instance) = (w.peek(nargs + 1), w.peek(nargs + 2));
        let names = (*w.cache::<Site>(1)).names;
        (*w.tstate).recursion_remaining -= 1;
        let failed = init_by_slot(instance, w.sp.sub(nargs), nargs, names) < 0;
        if failed {
            decref(instance);
        }
        (*w.tstate).recursion_remaining += 1;
        decref(class);
        for depth in (1..=nargs).rev() {
            decref(w.peek(depth));
        }
        w.shrink(nargs + 1 + usize::from(failed));
        if failed {
            return super::exceptions::raise(w);
        }
        w.instead(made, 0)
    }

    /// A class that has neither `__new__` nor `__init__`, called without arguments.
    fn plain_class(w, nargs) {
        let class = w.peek(1);
        if nargs != 0 || !is_class(class, w.peek(2), (*site!(w)).version) {
            return w.instead(super::call_site::miss, nargs);
        }
        if !calls::may_call(&w, 2) {
            return w.instead(calls::precall, nargs);
        }
        w.ip = w.ip.add(PRECALL);
        w.show();
        let instance = new_instance(class.cast());
        if instance.is_null() {
            drop_operands(&mut w, 0);
            return super::exceptions::raise(w);
        }
        let changed = (*class.cast::<PyTypeObject>()).tp_version_tag != (*w.cache::<Site>(1)).version;
        w.poke(2, instance);
        if changed {
            return w.instead(init_in_c, 0);
        }
        decref(class);
        w.shrink(1);
        w.instead(made, 0)
    }

    /// The end of a `CALL` in C whose result is on the stack.
    fn made(w, _arg) {
        if !w.breaker_clear() {
            return match eval_breaker::serve(w.tstate, w.frame) {
                Flow::Next => w.next(CALL),
                flow => dispatch::leave(w, CALL, flow),
            };
        }
        w.next(CALL)
    }
}

/// `object.__new__`, which the class does not override, without arguments: `__init__` is there to take them.
#[inline(always)]
unsafe fn new_instance(class: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: a class for which `choose` saw that; the empty tuple lives for ever.
    unsafe {
        let empty = (&raw mut sys::_PyRuntime.global_objects.singletons.tuple_empty).cast();
        let new = sys::PyBaseObject_Type.tp_new.unwrap_unchecked();
        new(class, empty, std::ptr::null_mut())
    }
}

/// Are instances of this type classes, called as those of `type` are?
#[inline(always)]
unsafe fn is_metaclass(ty: *mut PyTypeObject) -> bool {
    // SAFETY: a live type.
    unsafe {
        let of_type = sys::PyType_Type.tp_call.map(|f| f as usize);
        ty == &raw mut sys::PyType_Type
            || (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_TYPE_SUBCLASS) != 0
                && (*ty).tp_call.map(|f| f as usize) == of_type
    }
}

/// A class of this version, whose metaclass has no call of its own, and nothing below it?
#[inline(always)]
unsafe fn is_class(class: *mut PyObject, below: *mut PyObject, version: u32) -> bool {
    // SAFETY: the operands of a call.
    unsafe {
        below.is_null()
            && is_metaclass(type_of(class))
            && (*class.cast::<PyTypeObject>()).tp_version_tag == version
    }
}

/// Drops the class and its arguments.
unsafe fn drop_operands(w: &mut Registers, nargs: usize) {
    // SAFETY: the operands of a call whose class is not a method's.
    unsafe {
        for depth in (1..=nargs + 1).rev() {
            decref(w.peek(depth));
        }
        w.shrink(nargs + 2);
    }
}

/// `tp_init` of the instance's class with these arguments, of which the last ones have names.
#[cold]
#[inline(never)]
unsafe fn init_by_slot(
    instance: *mut PyObject,
    args: *mut *mut PyObject,
    nargs: usize,
    names: *mut PyObject,
) -> i32 {
    // SAFETY: live objects.
    unsafe {
        let keywords = if names.is_null() { 0 } else { helpers::size_of_sequence(names) };
        let tuple = sys::PyTuple_New((nargs - keywords) as isize);
        if tuple.is_null() {
            return -1;
        }
        for i in 0..nargs - keywords {
            incref(*args.add(i));
            *helpers::tuple_items(tuple).add(i) = *args.add(i);
        }
        let mut kwargs = std::ptr::null_mut();
        let mut status = 0;
        if keywords != 0 {
            kwargs = sys::PyDict_New();
            status = if kwargs.is_null() { -1 } else { 0 };
            for k in 0..keywords {
                if status == 0 {
                    let value = *args.add(nargs - keywords + k);
                    status = sys::PyDict_SetItem(kwargs, *helpers::tuple_items(names).add(k), value);
                }
            }
        }
        if status == 0 {
            status = match (*type_of(instance)).tp_init {
                Some(init) => init(instance, tuple, kwargs),
                None => 0,
            };
        }
        decref(tuple);
        capi::refs::xdecref(kwargs);
        status
    }
}

/// The special case for a class, if it is one of those.
pub(super) unsafe fn choose(site: &mut Site, callable: *mut PyObject, given: usize) -> Option<Handler> {
    // SAFETY: a live object; layouts are used after the type was asked.
    unsafe {
        if !is_metaclass(type_of(callable)) {
            return None;
        }
        let class = callable.cast::<PyTypeObject>();
        let object = &raw const sys::PyBaseObject_Type;
        let has = |flag: u32| (*class).tp_flags & u64::from(flag) != 0;
        let plain_new = (*class).tp_new.map(|f| f as usize) == (*object).tp_new.map(|f| f as usize);
        if !has(sys::Py_TPFLAGS_HEAPTYPE) || has(sys::Py_TPFLAGS_IS_ABSTRACT) || !plain_new {
            return None;
        }
        let name = INIT.get();
        if name.is_null() {
            sys::PyErr_Clear();
            return None;
        }
        // Assigns a version tag if it can.
        let init = sys::_PyType_Lookup(class, name);
        if !has(sys::Py_TPFLAGS_VALID_VERSION_TAG) || (*class).tp_version_tag == 0 || init.is_null() {
            return None;
        }
        site.version = (*class).tp_version_tag;
        if type_of(init) == &raw mut sys::PyFunction_Type {
            site.object = init;
            return Some(class_of());
        }
        let no_init = (*class).tp_init.map(|f| f as usize) == (*object).tp_init.map(|f| f as usize);
        (no_init && given == 0).then_some(plain_class as Handler)
    }
}

/// The handler, where a local has its name.
fn class_of() -> Handler {
    class
}
