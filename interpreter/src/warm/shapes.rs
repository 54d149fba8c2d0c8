//! What each opcode is translated into: the handler that its instruction starts with, how much inline cache it has, and what becomes of its
//! argument.

use super::{
    Handler, attributes, binary, builders, call_site, calls, compare, dispatch, exceptions, generators,
    globals, iteration, jumps, plain, returns, stack, subscripts,
};
use crate::opcode;
use capi::opcode as op;

/// The number of units of an instruction: itself and its inline cache.
pub(super) const fn width(code: u8) -> usize {
    match code {
        op::BINARY_OP | op::COMPARE_OP | op::BINARY_SUBSCR | op::STORE_SUBSCR | op::LOAD_GLOBAL => 2,
        op::LOAD_ATTR | op::STORE_ATTR | op::LOAD_METHOD => 3,
        op::CALL => 4,
        _ => 1,
    }
}

/// What is done with an opcode's argument and inline cache.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    ExtendedArg,
    Constant,
    JumpForward,
    JumpBackward,
    Operator,
    Subscript,
    Attribute,
    UnpackSequence,
    Call,
}

/// What is to be known of an opcode.
pub(super) struct Shape {
    /// That an instruction starts with.
    pub handler: Handler,
    pub kind: Kind,
    /// With its inline cache: in units, …
    pub width: u8,
    /// … and in code units.
    pub length: u8,
}

/// By opcode.
pub(super) static SHAPES: [Shape; 256] = {
    let mut shapes =
        [const { Shape { handler: dispatch::full, kind: Kind::Plain, width: 1, length: 1 } }; 256];
    let mut i = 0;
    while i < shapes.len() {
        let code = i as u8;
        shapes[i] = Shape {
            handler: first_handler(code),
            kind: kind_of(code),
            width: width(code) as u8,
            length: 1 + opcode::caches(code) as u8,
        };
        i += 1;
    }
    shapes
};

const fn kind_of(code: u8) -> Kind {
    match code {
        opcode::EXTENDED_ARG => Kind::ExtendedArg,
        op::LOAD_CONST => Kind::Constant,
        op::JUMP_FORWARD
        | op::POP_JUMP_FORWARD_IF_FALSE
        | op::POP_JUMP_FORWARD_IF_TRUE
        | op::POP_JUMP_FORWARD_IF_NONE
        | op::POP_JUMP_FORWARD_IF_NOT_NONE
        | op::JUMP_IF_FALSE_OR_POP
        | op::JUMP_IF_TRUE_OR_POP
        | op::FOR_ITER
        | op::SEND => Kind::JumpForward,
        op::JUMP_BACKWARD_NO_INTERRUPT => Kind::JumpBackward,
        _ if opcode::is_loop_edge(code) => Kind::JumpBackward,
        op::BINARY_OP | op::COMPARE_OP => Kind::Operator,
        op::BINARY_SUBSCR => Kind::Subscript,
        op::LOAD_ATTR | op::LOAD_METHOD | op::STORE_ATTR => Kind::Attribute,
        op::UNPACK_SEQUENCE => Kind::UnpackSequence,
        op::CALL => Kind::Call,
        _ => Kind::Plain,
    }
}

/// The handler that an instruction starts with.
const fn first_handler(code: u8) -> Handler {
    match code {
        op::NOP | op::KW_NAMES => stack::nop,
        op::POP_TOP => stack::pop_top,
        op::PUSH_NULL => stack::push_null,
        op::LOAD_FAST => stack::load_fast,
        op::LOAD_CLOSURE => stack::load_fast,
        op::LOAD_CONST => stack::load_const,
        op::STORE_FAST => stack::store_fast,
        op::SWAP => stack::swap,
        op::COPY => stack::copy,
        op::LOAD_DEREF => stack::load_deref,
        op::STORE_DEREF => stack::store_deref,
        op::IS_OP => stack::is_op,
        op::FORMAT_VALUE => stack::format_value,
        op::UNARY_NOT => stack::unary_not,
        op::UNARY_NEGATIVE => binary::unary_negative,
        op::LIST_APPEND => stack::list_append,
        op::BUILD_TUPLE => stack::build_tuple,
        op::UNPACK_SEQUENCE => stack::unpack_sequence,
        op::BUILD_LIST => builders::build_list,
        op::BUILD_MAP => builders::build_map,
        op::LIST_EXTEND => builders::list_extend,
        op::LIST_TO_TUPLE => builders::list_to_tuple,
        op::DICT_MERGE => builders::dict_merge,
        op::MAP_ADD => builders::map_add,
        op::MAKE_CELL => builders::make_cell,
        op::COPY_FREE_VARS => builders::copy_free_vars,
        op::MAKE_FUNCTION => builders::make_function,
        op::BINARY_OP => binary::adaptive,
        op::COMPARE_OP => compare::adaptive,
        op::CONTAINS_OP => compare::contains_op,
        op::PUSH_EXC_INFO => exceptions::push_exc_info,
        op::POP_EXCEPT => exceptions::pop_except,
        op::RERAISE => exceptions::reraise,
        op::JUMP_FORWARD => jumps::jump_forward,
        op::JUMP_BACKWARD => jumps::jump_backward,
        op::JUMP_BACKWARD_NO_INTERRUPT => jumps::jump_backward_no_interrupt,
        op::POP_JUMP_FORWARD_IF_FALSE => jumps::forward_if::<false>,
        op::POP_JUMP_FORWARD_IF_TRUE => jumps::forward_if::<true>,
        op::POP_JUMP_FORWARD_IF_NONE => jumps::forward_if_none::<true>,
        op::POP_JUMP_FORWARD_IF_NOT_NONE => jumps::forward_if_none::<false>,
        op::POP_JUMP_BACKWARD_IF_FALSE => jumps::backward_if::<false>,
        op::POP_JUMP_BACKWARD_IF_TRUE => jumps::backward_if::<true>,
        op::POP_JUMP_BACKWARD_IF_NONE => jumps::backward_if_none::<true>,
        op::POP_JUMP_BACKWARD_IF_NOT_NONE => jumps::backward_if_none::<false>,
        op::JUMP_IF_FALSE_OR_POP => jumps::jump_or_pop::<false>,
        op::JUMP_IF_TRUE_OR_POP => jumps::jump_or_pop::<true>,
        op::RESUME => jumps::resume,
        op::GET_ITER => iteration::get_iter,
        op::FOR_ITER => iteration::for_iter,
        op::BINARY_SUBSCR => subscripts::binary_subscr,
        op::BUILD_SLICE => subscripts::build_slice,
        op::STORE_SUBSCR => subscripts::store_subscr,
        op::LOAD_GLOBAL => globals::load_global,
        op::LOAD_ATTR => attributes::load_attr,
        op::STORE_ATTR => attributes::store_attr,
        op::LOAD_METHOD => attributes::load_method,
        op::PRECALL => call_site::precall,
        op::CALL => calls::call,
        op::CALL_FUNCTION_EX => calls::call_function_ex,
        op::RETURN_VALUE => returns::return_value,
        op::RETURN_GENERATOR => generators::return_generator,
        op::YIELD_VALUE => generators::yield_value,
        op::SEND => generators::send,
        op::GET_ANEXT => generators::get_anext,
        op::GET_YIELD_FROM_ITER => generators::get_yield_from_iter,
        op::GET_AWAITABLE => generators::get_awaitable,
        opcode::EXTENDED_ARG => dispatch::extended_arg,
        _ => match plain::handler(code) {
            Some(handler) => handler,
            None => dispatch::full,
        },
    }
}
