//! Fields of objects that opcodes read and write, one line each: name, byte offset, region.
//!
//! Two regions never overlap; a recorder uses them to know what a store leaves untouched. The offsets come from the
//! checked layouts of `capi`, never from memory.

use capi::sys;
use std::mem::offset_of;

/// Parts of memory that do not overlap one another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Region {
    /// Can't change while the object lives.
    Immutable,
    /// Length of a list.
    ListSize,
    /// Items pointer and items of a list.
    ListItem,
    /// Range iterators.
    RangeIter,
    /// List iterators.
    ListIter,
    /// Tuple iterators.
    TupleIter,
    /// Enumerate objects.
    Enumerate,
    /// Cells.
    Cell,
    /// Function objects.
    Function,
    /// Slots and inline values of instances.
    Instance,
    /// Numbers in the buffer of an `array.array`.
    ArrayItem,
    /// Length and buffer pointer of an `array.array`.
    ArrayHead,
    /// Reference counts: never remembered.
    RefCount,
    /// What changes at any time: never remembered.
    Volatile,
    /// Anything else.
    Other,
}

/// A field at a fixed offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Name in dumps.
    pub name: &'static str,
    /// Byte offset from the object; of what stands before it, negative as a two's complement.
    pub offset: usize,
    /// What it may overlap.
    pub region: Region,
}

/// An array of items of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ItemsField {
    /// Behind `ob_item` of a list.
    List,
    /// Inside a tuple.
    Tuple,
}

/// Types that opcodes ask for by name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum TypeOf {
    Int,
    Float,
    Bool,
    Str,
    List,
    Tuple,
    Dict,
    Slice,
    Function,
    Method,
    CFunction,
    Module,
    Type,
    Cell,
    Range,
    RangeIter,
    ListIter,
    TupleIter,
    Enumerate,
    None,
}

macro_rules! fields {
    ($( $(#[$doc:meta])* $name:ident = $ty:ty, $($field:ident).+, $region:ident; )*) => {
        $( $(#[$doc])* pub const $name: Field =
            Field { name: concat!($(stringify!($field)),+), offset: offset_of!($ty, $($field).+), region: Region::$region }; )*
    };
}

fields! {
    /// Number of items of a list.
    LIST_SIZE = sys::PyListObject, ob_base.ob_size, ListSize;
    /// Number of items of a tuple.
    TUPLE_SIZE = sys::PyTupleObject, ob_base.ob_size, Immutable;
    /// What a cell holds, or null.
    CELL_VALUE = sys::PyCellObject, ob_ref, Cell;
    /// Code of a function.
    FUNCTION_CODE = sys::PyFunctionObject, func_code, Function;
    /// Default values of a function, or null.
    FUNCTION_DEFAULTS = sys::PyFunctionObject, func_defaults, Function;
    /// `i` of a range iterator: how many were taken.
    RANGE_ITER_INDEX = capi::objects::RangeIter, index, RangeIter;
    /// First value of a range iterator.
    RANGE_ITER_START = capi::objects::RangeIter, start, Immutable;
    /// Step of a range iterator.
    RANGE_ITER_STEP = capi::objects::RangeIter, step, Immutable;
    /// How many values a range iterator has in all.
    RANGE_ITER_LEN = capi::objects::RangeIter, len, Immutable;
    /// Next index of a list iterator.
    LIST_ITER_INDEX = capi::objects::ListIter, it_index, ListIter;
    /// The list, or null when exhausted.
    LIST_ITER_SEQ = capi::objects::ListIter, it_seq, ListIter;
    /// Next index of a tuple iterator.
    TUPLE_ITER_INDEX = capi::objects::TupleIter, it_index, TupleIter;
    /// The tuple, or null when exhausted.
    TUPLE_ITER_SEQ = capi::objects::TupleIter, it_seq, TupleIter;
}
fields! {
    /// Number of items of an `array.array`.
    ARRAY_SIZE = capi::objects::Array, ob_base.ob_size, ArrayHead;
    /// Its buffer.
    ARRAY_ITEMS = capi::objects::Array, ob_item, ArrayHead;
    /// Which kind of items it has.
    ARRAY_KIND = capi::objects::Array, ob_descr, Immutable;
    /// Next index of an enumerate object.
    ENUMERATE_INDEX = capi::objects::Enumerate, en_index, Enumerate;
    /// The iterator inside.
    ENUMERATE_ITER = capi::objects::Enumerate, en_sit, Immutable;
    /// The pair that it hands out again when nobody else holds it.
    ENUMERATE_PAIR = capi::objects::Enumerate, en_result, Immutable;
    /// Reference count of an object.
    REFCOUNT = sys::PyObject, ob_refcnt, RefCount;
    /// Method definition of a C function.
    C_FUNCTION_DEFINITION = sys::PyCFunctionObject, m_ml, Immutable;
    /// Object of a C function.
    C_FUNCTION_SELF = sys::PyCFunctionObject, m_self, Immutable;
}
/// `_gc_next` in the head before an object of a GC type: 0 when the GC does not watch the object.
pub const GC_NEXT: Field = Field {
    name: "gc_next",
    offset: 0usize.wrapping_sub(size_of::<sys::PyGC_Head>()),
    region: Region::Volatile,
};
/// An item of a pair that is used again: not for tuples that a program can see.
pub const fn pair_item(index: usize) -> Field {
    let offset = offset_of!(sys::PyTupleObject, ob_item) + index * size_of::<usize>();
    Field { name: "pair", offset, region: Region::Other }
}
fields! {
    /// Function of a bound method.
    METHOD_FUNC = sys::PyMethodObject, im_func, Immutable;
    /// Object of a bound method.
    METHOD_SELF = sys::PyMethodObject, im_self, Immutable;
    /// Dict of a module.
    MODULE_DICT = sys::PyModuleObject, md_dict, Immutable;
    /// Closure of a function: a tuple of cells, or null.
    FUNCTION_CLOSURE = sys::PyFunctionObject, func_closure, Immutable;
}
