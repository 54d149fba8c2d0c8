//! Making a frame fit the label of a loop: locals that are not what the label asks for are replaced. For a process whose program nobody
//! goes on with.

use crate::driver::Tracer;
use crate::optimizer::HeaderSlot;
use crate::picture::each_tracked;
use capi::sys::{self, PyObject};
use interpreter::direct::Direct;
use traces::{Const, Type};

/// A number that no small int is.
const INT: i64 = 1_000_003;

/// A new reference to some object of exactly this type; null where there is none.
///
/// # Safety
/// The GIL is held.
unsafe fn some_object(ty: *mut sys::PyTypeObject) -> *mut PyObject {
    // SAFETY: constructors of plain objects; live objects are looked at.
    unsafe {
        if ty == &raw mut sys::PyLong_Type {
            sys::PyLong_FromLongLong(INT)
        } else if ty == &raw mut sys::PyFloat_Type {
            sys::PyFloat_FromDouble(1.5)
        } else if ty == &raw mut sys::PyBool_Type {
            sys::PyBool_FromLong(1)
        } else if ty == &raw mut sys::PyUnicode_Type {
            sys::PyUnicode_FromString(c"".as_ptr())
        } else if ty == &raw mut sys::PyTuple_Type {
            sys::PyTuple_New(0)
        } else if ty == &raw mut sys::PyList_Type {
            sys::PyList_New(0)
        } else if ty == &raw mut sys::PyDict_Type {
            sys::PyDict_New()
        } else if ty == &raw mut sys::_PyNone_Type {
            capi::refs::new_ref(&raw mut sys::_Py_NoneStruct)
        } else {
            let mut found: *mut PyObject = std::ptr::null_mut();
            each_tracked(|o| {
                if (*o).ob_type == ty {
                    found = o;
                }
            });
            capi::refs::xincref(found);
            found
        }
    }
}

/// What a slot is to hold instead of what it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// It fits.
    Nothing,
    This(*mut PyObject),
    /// An object of exactly this type.
    Type(*mut sys::PyTypeObject),
}

/// What a slot is to hold instead of `now`.
///
/// # Safety
/// `now` is a live object or null.
unsafe fn wanted(slot: &HeaderSlot, now: *mut PyObject) -> Wanted {
    let this = |o: *mut PyObject| if o == now { Wanted::Nothing } else { Wanted::This(o) };
    let ty = match *slot {
        HeaderSlot::Null { .. } => return Wanted::Nothing,
        HeaderSlot::Boxed { ty: Type::Int, .. } => &raw mut sys::PyLong_Type,
        HeaderSlot::Boxed { ty: Type::Float, .. } => &raw mut sys::PyFloat_Type,
        HeaderSlot::Boxed { .. } => &raw mut sys::PyBool_Type,
        HeaderSlot::Const { object, .. } => return this(object as *mut PyObject),
        HeaderSlot::Object { requirement, .. } => match requirement.constant {
            Some(Const::Obj(object)) => return this(object as *mut PyObject),
            _ if requirement.known_type != 0 => requirement.known_type as *mut sys::PyTypeObject,
            _ if requirement.nonnull && now.is_null() => return this(&raw mut sys::_Py_NoneStruct),
            _ => return Wanted::Nothing,
        },
    };
    // SAFETY: by contract.
    if !now.is_null() && unsafe { (*now).ob_type } == ty { Wanted::Nothing } else { Wanted::Type(ty) }
}

impl Tracer {
    /// The locals of the frame that do not fit a loop's label.
    pub(super) fn unfit_locals(&self, d: &Direct, trace: usize) -> Vec<usize> {
        let Some(label) = &self.state().compilations[trace].label else { return Vec::new() };
        let header = &label.header;
        // SAFETY: a live frame; its locals are objects or null.
        unsafe {
            let (code, locals) = ((*d.frame).f_code, capi::frame::locals(d.frame));
            let all = header.slots.iter().enumerate().take((*code).co_nlocalsplus as usize);
            all.filter(|&(k, slot)| wanted(slot, *locals.add(k)) != Wanted::Nothing).map(|(k, _)| k).collect()
        }
    }

    /// Replaces these locals by some that fit, as far as there are any.
    pub(super) fn fit_locals(&self, d: &mut Direct, trace: usize, unfit: &[usize]) {
        for &k in unfit {
            let slot = self.state().compilations[trace].label.as_ref().map(|label| label.header.slots[k]);
            // SAFETY: as above. What the old object's death runs sees the new one.
            unsafe {
                let place = capi::frame::locals(d.frame).add(k);
                let object = match slot.map_or(Wanted::Nothing, |slot| wanted(&slot, *place)) {
                    Wanted::Nothing => continue,
                    Wanted::This(object) => capi::refs::new_ref(object),
                    Wanted::Type(ty) => some_object(ty),
                };
                if !object.is_null() {
                    capi::refs::xdecref(std::mem::replace(&mut *place, object));
                }
            }
        }
    }
}
