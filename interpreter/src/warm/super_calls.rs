//! `super().method(…)`: where the method will be looked for is found without making the super object and the bound method.
//!
//! ```text
//! LOAD_GLOBAL NULL + super    PRECALL 0    CALL 0    LOAD_METHOD name       the stack in between: NULL super
//!                             ^ the handler stands here and ends behind LOAD_METHOD: function self
//! ```

use super::attributes::METHOD;
use super::call_site::{CALL, PRECALL, Site, miss, site};
use super::{Handler, Unit, handlers};
use crate::direct_only::Name;
use crate::{helpers, opcode};
use capi::refs::{has_type_flag, type_of};
use capi::sys::{self, _PyInterpreterFrame, PyCellObject, PyObject, PyTypeObject};
use capi::{frame, opcode as op};

static CLASS: Name = Name::new(c"__class__");

/// `CO_FAST_CELL` (pycore_code.h).
const CELL: u8 = 0x40;

/// What a `super()` remembers, where other calls have their `Site`.
#[repr(C)]
struct SuperSite {
    counter: u16,
    /// The local that is the cell `__class__`.
    cell: u16,
    /// Of the first argument's type.
    version: u32,
    /// Borrowed while the type has the version.
    function: *mut PyObject,
    /// There are none.
    names: *mut PyObject,
    /// What the cell has; in the type's MRO while it has the version.
    class: *mut PyObject,
}

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<SuperSite>() <= size_of::<Site>());
    assert!(offset_of!(SuperSite, counter) == offset_of!(Site, counter));
    assert!(offset_of!(SuperSite, names) == offset_of!(Site, names));
};

handlers! {
    /// The method that was found for a first argument of the remembered type's version, from the remembered class on.
    fn method(w, nargs) {
        let callable = w.peek(1);
        if nargs != 0 || callable != (&raw mut sys::PySuper_Type).cast() || !w.peek(2).is_null() {
            return w.instead(miss, nargs);
        }
        let site = site!(w).cast::<SuperSite>();
        let this = *w.local(0);
        let cell = (*w.local((*site).cell.into())).cast::<PyCellObject>();
        if this.is_null()
            || (*type_of(this)).tp_version_tag != (*site).version
            || (*cell).ob_ref != (*site).class
        {
            return w.instead(miss, nargs);
        }
        // Making the super object takes a level of recursion, and its call would serve the breaker.
        if !w.breaker_clear() || (*w.tstate).recursion_remaining <= 2 {
            return w.instead(super::calls::precall, nargs);
        }
        let function = (*site).function;
        (*function).ob_refcnt += 1;
        (*this).ob_refcnt += 1;
        (*callable).ob_refcnt -= 1;
        w.poke(2, function);
        w.poke(1, this);
        w.next(PRECALL + CALL + METHOD)
    }
}

/// The special case for `super()` in this frame, whose `PRECALL` is at `at` and `instruction`.
pub(super) unsafe fn choose(
    site: *mut Site,
    at: *mut Unit,
    instruction: *mut u16,
    frame: *mut _PyInterpreterFrame,
) -> Option<Handler> {
    // SAFETY: a live frame that stands there; layouts are used after types were asked. Names and tables are the code's, classes' dicts
    // and MROs are complete.
    unsafe {
        let behind = 2 + opcode::caches(op::PRECALL) + opcode::CALL_CACHES;
        if opcode::DEOPT[usize::from(*instruction.add(behind) as u8)] != op::LOAD_METHOD {
            return None;
        }
        let code = (*frame).f_code;
        let kinds =
            (&raw const (*(*code).co_localspluskinds.cast::<sys::PyBytesObject>()).ob_sval).cast::<u8>();
        let this = *frame::locals(frame);
        if (*code).co_argcount == 0 || *kinds & CELL != 0 || this.is_null() {
            return None;
        }
        let variables = helpers::tuple_items((*code).co_localsplusnames);
        let count = (*code).co_nlocalsplus as usize;
        let free = count - (*code).co_nfreevars as usize;
        let index = (free..count).find(|&i| *variables.add(i) == CLASS.get())?;
        let class = (*(*frame::locals(frame).add(index)).cast::<PyCellObject>()).ob_ref;
        if class.is_null()
            || !has_type_flag(class, sys::Py_TPFLAGS_TYPE_SUBCLASS)
            || has_type_flag(this, sys::Py_TPFLAGS_TYPE_SUBCLASS)
        {
            return None;
        }
        let name = *helpers::tuple_items((*code).co_names).add((*at.add(PRECALL + CALL)).arg as usize);
        let start = type_of(this);
        let function = look_up(start, class, name)?;
        // Assigns a version tag if it can.
        sys::_PyType_Lookup(start, name);
        if (*start).tp_flags & u64::from(sys::Py_TPFLAGS_VALID_VERSION_TAG) == 0
            || (*start).tp_version_tag == 0
        {
            return None;
        }
        let site = site.cast::<SuperSite>();
        (*site).version = (*start).tp_version_tag;
        (*site).function = function;
        (*site).class = class;
        (*site).cell = u16::try_from(index).ok()?;
        Some(method as Handler)
    }
}

/// What stands under the name behind `class` in the MRO, if that is a Python function (borrowed).
unsafe fn look_up(
    start: *mut PyTypeObject,
    class: *mut PyObject,
    name: *mut PyObject,
) -> Option<*mut PyObject> {
    // SAFETY: by the caller.
    unsafe {
        let mro = (*start).tp_mro;
        if mro.is_null() || name == CLASS.get() {
            return None;
        }
        let classes = helpers::tuple_items(mro);
        let count = helpers::size_of_sequence(mro);
        let own = (0..count).find(|&i| *classes.add(i) == class)?;
        for i in own + 1..count {
            let dict = (**classes.add(i).cast::<*mut PyTypeObject>()).tp_dict;
            let found = sys::PyDict_GetItemWithError(dict, name);
            if !found.is_null() {
                return (type_of(found) == &raw mut sys::PyFunction_Type).then_some(found);
            }
            if !sys::PyErr_Occurred().is_null() {
                sys::PyErr_Clear();
                return None;
            }
        }
        None
    }
}
