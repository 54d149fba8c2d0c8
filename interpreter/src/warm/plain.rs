//! Opcodes without special cases: the function of each over `Direct`, at once.

use super::registers::Registers;
use super::{dispatch, handlers, width};
use crate::direct::Direct;
use crate::direct_only::{exceptions, generators, imports, maps};
use crate::machine::Flow;
use crate::semantics::{attributes, globals, stack, strings, subscripts};
use capi::opcode as op;

/// Defines a handler for each opcode; the function neither jumps nor makes another frame the current one.
macro_rules! plainly {
    ($($name:ident = $opcode:ident, $function:expr;)*) => {
        handlers! {
            $(fn $name(w, arg) {
                let width = width(op::$opcode);
                dispatch::lay_down(&w, width);
                let Registers { ip, home, .. } = w;
                match $function(&mut (*home).registers, arg) {
                    Flow::Next => {
                        w.sp = (*home).registers.sp;
                        w.reach(ip.add(width))
                    }
                    flow @ (Flow::Raise | Flow::Unwind) => super::exceptions::raised(home, flow),
                    flow => flow,
                }
            })*
        }

        /// The handler of such an opcode.
        pub(super) const fn handler(code: u8) -> Option<super::Handler> {
            match code {
                $(op::$opcode => Some($name),)*
                _ => None,
            }
        }
    };
}

plainly! {
    delete_fast = DELETE_FAST, stack::delete_fast::<Direct>;
    delete_attr = DELETE_ATTR, attributes::delete_attr::<Direct>;
    delete_subscr = DELETE_SUBSCR, subscripts::delete_subscr::<Direct>;
    load_name = LOAD_NAME, globals::load_name::<Direct>;
    store_name = STORE_NAME, globals::store_name::<Direct>;
    store_global = STORE_GLOBAL, globals::store_global::<Direct>;
    format_value = FORMAT_VALUE, strings::format_value::<Direct>;
    build_string = BUILD_STRING, strings::build_string::<Direct>;
    check_exc_match = CHECK_EXC_MATCH, exceptions::check_exc_match;
    raise_varargs = RAISE_VARARGS, exceptions::raise_varargs;
    before_with = BEFORE_WITH, exceptions::before_with;
    with_except_start = WITH_EXCEPT_START, exceptions::with_except_start;
    get_aiter = GET_AITER, generators::get_aiter;
    async_gen_wrap = ASYNC_GEN_WRAP, generators::async_gen_wrap;
    import_name = IMPORT_NAME, imports::import_name;
    import_from = IMPORT_FROM, imports::import_from;
    build_const_key_map = BUILD_CONST_KEY_MAP, maps::build_const_key_map;
    build_set = BUILD_SET, maps::build_set;
    set_add = SET_ADD, maps::set_add;
    set_update = SET_UPDATE, maps::set_update;
    dict_update = DICT_UPDATE, maps::dict_update;
    unpack_ex = UNPACK_EX, maps::unpack_ex;
}
