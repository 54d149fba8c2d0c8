//! What makes containers, cells and functions by one call in C.

use super::parked::{back, park};
use super::registers::move_words;
use super::{dispatch, handlers};
use crate::helpers;
use crate::machine::Flow;
use capi::frame;
use capi::refs::{decref, xdecref};
use capi::sys::{self, PyFunctionObject, PyListObject};

handlers! {
    /// `BUILD_LIST`
    fn build_list(w, n) {
        let home = park(w);
        let list = sys::PyList_New(n as isize);
        let mut w = back(home);
        if list.is_null() {
            return dispatch::leave(w, 1, Flow::Raise);
        }
        let items = (*list.cast::<PyListObject>()).ob_item;
        let end = w.sp;
        w.shrink(w.arg(0));
        move_words(w.sp, end, items);
        w.push(list);
        w.next(1)
    }

    /// `BUILD_MAP` of nothing.
    fn build_map(w, n) {
        if n != 0 {
            return w.full(n);
        }
        let home = park(w);
        let dict = sys::PyDict_New();
        let mut w = back(home);
        if dict.is_null() {
            return dispatch::leave(w, 1, Flow::Raise);
        }
        w.push(dict);
        w.next(1)
    }

    /// `MAP_ADD`: key, value.
    fn map_add(w, depth) {
        w.show();
        let (value, key) = (w.peek(1), w.peek(2));
        // The depth counts without the two.
        let status = sys::PyDict_SetItem(w.peek(depth + 2), key, value);
        w.shrink(2);
        decref(key);
        decref(value);
        if status < 0 {
            return dispatch::leave(w, 1, Flow::Raise);
        }
        w.next(1)
    }

    /// `MAKE_CELL`
    fn make_cell(w, index) {
        w.show();
        let value = *w.local(index);
        let cell = sys::PyCell_New(value);
        if cell.is_null() {
            return dispatch::leave(w, 1, Flow::Raise);
        }
        *w.local(index) = cell;
        xdecref(value);
        w.next(1)
    }

    /// `COPY_FREE_VARS`
    fn copy_free_vars(w, n) {
        let cells = helpers::tuple_items((*(*w.frame).f_func).func_closure);
        let code = w.code();
        let mut slot = frame::locals(w.frame).add((*code).co_nlocalsplus as usize - n);
        for i in 0..n {
            let cell = *cells.add(i);
            (*cell).ob_refcnt += 1;
            *slot = cell;
            slot = slot.add(1);
        }
        w.next(1)
    }

    /// `MAKE_FUNCTION`: code at the top, below it what the flags say.
    fn make_function(w, flags) {
        w.show();
        let code = w.peek(1);
        w.shrink(1);
        let function = sys::PyFunction_New(code, (*w.frame).f_globals).cast::<PyFunctionObject>();
        decref(code);
        if function.is_null() {
            return dispatch::leave(w, 1, Flow::Raise);
        }
        // The fields of a new function are null.
        if flags & 8 != 0 {
            (*function).func_closure = w.peek(1);
            w.shrink(1);
        }
        if flags & 4 != 0 {
            (*function).func_annotations = w.peek(1);
            w.shrink(1);
        }
        if flags & 2 != 0 {
            (*function).func_kwdefaults = w.peek(1);
            w.shrink(1);
        }
        if flags & 1 != 0 {
            (*function).func_defaults = w.peek(1);
            w.shrink(1);
        }
        w.push(function.cast());
        w.next(1)
    }
}
