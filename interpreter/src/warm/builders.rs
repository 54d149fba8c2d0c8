//! What makes containers, cells and functions by one call in C.

use super::parked::{back, finish_bare, finish_one, park};
use super::{exceptions, handlers};
use crate::helpers;
use capi::refs::{decref, xdecref};
use capi::sys::{self, PyFunctionObject, PyListObject};
use capi::words::move_words;
use capi::{arguments, frame};

handlers! {
    /// `BUILD_LIST`
    fn build_list(w, n) {
        let home = park(w);
        let list = sys::PyList_New(n as isize);
        let mut w = back(home);
        if list.is_null() {
            return exceptions::raise(w);
        }
        let items = (*list.cast::<PyListObject>()).ob_item;
        let n = w.arg(0);
        w.shrink(n);
        move_words(w.sp, n, items);
        w.push(list);
        w.next(1)
    }

    /// `LIST_EXTEND`
    fn list_extend(w, depth) {
        let (iterable, list) = (w.peek(1), w.peek(depth + 1));
        let home = park(w);
        finish_bare::<1>(home, helpers::list_extend(list, iterable), 1)
    }

    /// `LIST_TO_TUPLE`
    fn list_to_tuple(w, _arg) {
        let list = w.peek(1);
        let home = park(w);
        finish_one(home, sys::PyList_AsTuple(list), 1)
    }

    /// `DICT_MERGE`: for a call, whose function is told of in messages.
    fn dict_merge(w, depth) {
        let (update, dict, callee) = (w.peek(1), w.peek(depth + 1), w.peek(depth + 3));
        let home = park(w);
        let status = sys::_PyDict_MergeEx(dict, update, 2);
        if status < 0 {
            arguments::format_kwargs_error((*home).parked.tstate, callee, update);
        }
        finish_bare::<1>(home, status, 1)
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
            return exceptions::raise(w);
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
            return exceptions::raise(w);
        }
        w.next(1)
    }

    /// `MAKE_CELL`
    fn make_cell(w, index) {
        w.show();
        let value = *w.local(index);
        let cell = sys::PyCell_New(value);
        if cell.is_null() {
            return exceptions::raise(w);
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
            return exceptions::raise(w);
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
