//! Compares the layout of every struct that Coluber touches, and the opcode tables, with the headers of the Python in use.
//!
//! A C program made from the table below prints sizes and offsets as the installed headers give them; the same table
//! gives Rust's. The Python is `COLUBER_PYTHON`, else `python3.11` on PATH.

use capi::{opcode, sys::*};
use std::fmt::Write as _;
use std::mem::{align_of, offset_of, size_of};
use std::path::PathBuf;
use std::process::Command;

/// A struct as Rust has it.
struct Layout {
    c_name: &'static str,
    size: usize,
    align: usize,
    fields: Vec<(&'static str, usize)>,
}

macro_rules! layouts {
    ($($c_name:literal = $rust:ident { $($field:ident),* $(,)? })*) => {
        vec![$(Layout {
            c_name: $c_name,
            size: size_of::<$rust>(),
            align: align_of::<$rust>(),
            fields: vec![$((stringify!($field), offset_of!($rust, $field))),*],
        }),*]
    };
}

/// Every struct and field that is compared. Bit fields and unnamed unions are left out: they have no offset to ask for.
#[rustfmt::skip]
fn layouts() -> Vec<Layout> {
    layouts! {
        "PyObject" = _object { ob_refcnt, ob_type }
        "PyVarObject" = PyVarObject { ob_base, ob_size }
        "PyTypeObject" = _typeobject {
            ob_base, tp_name, tp_basicsize, tp_itemsize, tp_dealloc, tp_vectorcall_offset, tp_getattr, tp_setattr, tp_as_async,
            tp_repr, tp_as_number, tp_as_sequence, tp_as_mapping, tp_hash, tp_call, tp_str, tp_getattro, tp_setattro, tp_as_buffer,
            tp_flags, tp_doc, tp_traverse, tp_clear, tp_richcompare, tp_weaklistoffset, tp_iter, tp_iternext, tp_methods, tp_members,
            tp_getset, tp_base, tp_dict, tp_descr_get, tp_descr_set, tp_dictoffset, tp_init, tp_alloc, tp_new, tp_free, tp_is_gc,
            tp_bases, tp_mro, tp_cache, tp_subclasses, tp_weaklist, tp_del, tp_version_tag, tp_finalize, tp_vectorcall
        }
        "PyHeapTypeObject" = _heaptypeobject {
            ht_type, as_async, as_number, as_mapping, as_sequence, as_buffer, ht_name, ht_slots, ht_qualname, ht_cached_keys,
            ht_module, _ht_tpname, _spec_cache
        }
        "PyNumberMethods" = PyNumberMethods {
            nb_add, nb_subtract, nb_multiply, nb_remainder, nb_divmod, nb_power, nb_negative, nb_positive, nb_absolute, nb_bool,
            nb_invert, nb_lshift, nb_rshift, nb_and, nb_xor, nb_or, nb_int, nb_reserved, nb_float, nb_inplace_add,
            nb_inplace_subtract, nb_inplace_multiply, nb_inplace_remainder, nb_inplace_power, nb_inplace_lshift, nb_inplace_rshift,
            nb_inplace_and, nb_inplace_xor, nb_inplace_or, nb_floor_divide, nb_true_divide, nb_inplace_floor_divide,
            nb_inplace_true_divide, nb_index, nb_matrix_multiply, nb_inplace_matrix_multiply
        }
        "PyMappingMethods" = PyMappingMethods { mp_length, mp_subscript, mp_ass_subscript }
        "PySequenceMethods" = PySequenceMethods {
            sq_length, sq_concat, sq_repeat, sq_item, was_sq_slice, sq_ass_item, was_sq_ass_slice, sq_contains, sq_inplace_concat,
            sq_inplace_repeat
        }
        "PyAsyncMethods" = PyAsyncMethods { am_await, am_aiter, am_anext, am_send }
        "PyLongObject" = _longobject { ob_base, ob_digit }
        "PyFloatObject" = PyFloatObject { ob_base, ob_fval }
        "PyListObject" = PyListObject { ob_base, ob_item, allocated }
        "PyTupleObject" = PyTupleObject { ob_base, ob_item }
        "PyDictObject" = PyDictObject { ob_base, ma_used, ma_version_tag, ma_keys, ma_values }
        "PyDictKeysObject" = _dictkeysobject {
            dk_refcnt, dk_log2_size, dk_log2_index_bytes, dk_kind, dk_version, dk_usable, dk_nentries, dk_indices
        }
        "PyDictKeyEntry" = PyDictKeyEntry { me_hash, me_key, me_value }
        "PyDictUnicodeEntry" = PyDictUnicodeEntry { me_key, me_value }
        "PyDictValues" = _dictvalues { values }
        "PyASCIIObject" = PyASCIIObject { ob_base, length, hash, wstr }
        "PyCompactUnicodeObject" = PyCompactUnicodeObject { _base, utf8_length, utf8, wstr_length }
        "PyUnicodeObject" = PyUnicodeObject { _base, data }
        "PyBytesObject" = PyBytesObject { ob_base, ob_shash, ob_sval }
        "PySetObject" = PySetObject { ob_base, fill, used, mask, table, hash, finger, smalltable, weakreflist }
        "setentry" = setentry { key, hash }
        "PyCodeObject" = PyCodeObject {
            ob_base, co_consts, co_names, co_exceptiontable, co_flags, co_warmup, _co_linearray_entry_size, co_argcount,
            co_posonlyargcount, co_kwonlyargcount, co_stacksize, co_firstlineno, co_nlocalsplus, co_nlocals, co_nplaincellvars,
            co_ncellvars, co_nfreevars, co_localsplusnames, co_localspluskinds, co_filename, co_name, co_qualname, co_linetable,
            co_weakreflist, _co_code, _co_linearray, _co_firsttraceable, co_extra, co_code_adaptive
        }
        "PyFunctionObject" = PyFunctionObject {
            ob_base, func_globals, func_builtins, func_name, func_qualname, func_code, func_defaults, func_kwdefaults, func_closure,
            func_doc, func_dict, func_weakreflist, func_module, func_annotations, vectorcall, func_version
        }
        "struct _frame" = _frame {
            ob_base, f_back, f_frame, f_trace, f_lineno, f_trace_lines, f_trace_opcodes, f_fast_as_locals, _f_frame_data
        }
        "_PyInterpreterFrame" = _PyInterpreterFrame {
            f_func, f_globals, f_builtins, f_locals, f_code, frame_obj, previous, prev_instr, stacktop, is_entry, owner, localsplus
        }
        "_PyCFrame" = _PyCFrame { use_tracing, current_frame, previous }
        "_PyStackChunk" = _stack_chunk { previous, size, top, data }
        "PyTraceInfo" = PyTraceInfo { code, bounds }
        "PyThreadState" = _ts {
            prev, next, interp, _initialized, _static, recursion_remaining, recursion_limit, recursion_headroom, tracing,
            tracing_what, cframe, c_profilefunc, c_tracefunc, c_profileobj, c_traceobj, curexc_type, curexc_value, curexc_traceback,
            exc_info, dict, gilstate_counter, async_exc, thread_id, native_thread_id, trash_delete_nesting, trash_delete_later,
            on_delete, on_delete_data, coroutine_origin_tracking_depth, async_gen_firstiter, async_gen_finalizer, context,
            context_ver, id, trace_info, datastack_chunk, datastack_top, datastack_limit, exc_state, root_cframe
        }
        "PyInterpreterState" = _is {
            next, threads, runtime, id, id_refcount, requires_idref, id_mutex, _initialized, finalizing, _static, ceval, gc, modules,
            modules_by_index, sysdict, builtins, importlib, override_frozen_modules, codec_search_path, codec_search_cache,
            codec_error_registry, codecs_initialized, config, dlopenflags, dict, builtins_copy, import_func, eval_frame,
            co_extra_user_count, co_extra_freefuncs, before_forkers, after_forkers_parent, after_forkers_child, warnings, atexit,
            audit_hooks, unicode, float_state, slice_cache, tuple, list, dict_state, async_gen, context, exc_state, ast, type_cache,
            callable_cache, int_max_str_digits, _initial_thread
        }
        "struct _ceval_state" = _ceval_state { recursion_limit, eval_breaker, gil_drop_request, pending }
        "struct _ceval_runtime_state" = _ceval_runtime_state { signals_pending, gil }
        "struct _pending_calls" = _pending_calls { lock, calls_to_do, async_exc, calls, first, last }
        "_PyRuntimeState" = pyruntimestate {
            _initialized, preinitializing, preinitialized, core_initialized, initialized, _finalizing, interpreters, xidregistry,
            main_thread, exitfuncs, nexitfuncs, ceval, gilstate, preconfig, open_code_hook, open_code_userdata, audit_hook_head,
            unicode_ids, global_objects, _main_interpreter
        }
        "struct _gil_runtime_state" = _gil_runtime_state {
            interval, last_holder, locked, switch_number, cond, mutex, switch_cond, switch_mutex
        }
        "PyGenObject" = PyGenObject {
            ob_base, gi_code, gi_weakreflist, gi_name, gi_qualname, gi_exc_state, gi_origin_or_finalizer, gi_hooks_inited, gi_closed,
            gi_running_async, gi_frame_state, gi_iframe
        }
        "PyCoroObject" = PyCoroObject {
            ob_base, cr_code, cr_weakreflist, cr_name, cr_qualname, cr_exc_state, cr_origin_or_finalizer, cr_hooks_inited, cr_closed,
            cr_running_async, cr_frame_state, cr_iframe
        }
        "PyAsyncGenObject" = PyAsyncGenObject {
            ob_base, ag_code, ag_weakreflist, ag_name, ag_qualname, ag_exc_state, ag_origin_or_finalizer, ag_hooks_inited, ag_closed,
            ag_running_async, ag_frame_state, ag_iframe
        }
        "PyCellObject" = PyCellObject { ob_base, ob_ref }
        "PyMethodObject" = PyMethodObject { ob_base, im_func, im_self, im_weakreflist, vectorcall }
        "PyCFunctionObject" = PyCFunctionObject { ob_base, m_ml, m_self, m_module, m_weakreflist, vectorcall }
        "PyCMethodObject" = PyCMethodObject { func, mm_class }
        "PyMethodDef" = PyMethodDef { ml_name, ml_meth, ml_flags, ml_doc }
        "PyDescrObject" = PyDescrObject { ob_base, d_type, d_name, d_qualname }
        "PyMethodDescrObject" = PyMethodDescrObject { d_common, d_method, vectorcall }
        "PyMemberDescrObject" = PyMemberDescrObject { d_common, d_member }
        "PyGetSetDescrObject" = PyGetSetDescrObject { d_common, d_getset }
        "PyWrapperDescrObject" = PyWrapperDescrObject { d_common, d_base, d_wrapped }
        "PyMemberDef" = PyMemberDef { name, type_, offset, flags, doc }
        "PyGetSetDef" = PyGetSetDef { name, get, set, doc, closure }
        "PyModuleObject" = PyModuleObject { ob_base, md_dict, md_def, md_state, md_weaklist, md_name }
        "PySliceObject" = PySliceObject { ob_base, start, stop, step }
        "_PyErr_StackItem" = _err_stackitem { exc_value, previous_item }
        "PyBaseExceptionObject" = PyBaseExceptionObject { ob_base, dict, args, notes, traceback, context, cause, suppress_context }
        "PyStopIterationObject" = PyStopIterationObject {
            ob_base, dict, args, notes, traceback, context, cause, suppress_context, value
        }
        "PySyntaxErrorObject" = PySyntaxErrorObject {
            ob_base, dict, args, notes, traceback, context, cause, suppress_context, msg, filename, lineno, offset, end_lineno,
            end_offset, text, print_file_and_line
        }
        "PyTracebackObject" = _traceback { ob_base, tb_next, tb_frame, tb_lasti, tb_lineno }
        "PyGC_Head" = PyGC_Head { _gc_next, _gc_prev }
        "PyFrameConstructor" = PyFrameConstructor {
            fc_globals, fc_builtins, fc_name, fc_qualname, fc_code, fc_defaults, fc_kwdefaults, fc_closure
        }
        "struct _Py_unicode_state" = _Py_unicode_state { fs_codec, ids }
        "struct _Py_list_state" = _Py_list_state { free_list, numfree }
        "struct _Py_float_state" = _Py_float_state { numfree, free_list }
        "struct _Py_tuple_state" = _Py_tuple_state { free_list, numfree }
        "struct _Py_dict_state" = _Py_dict_state { free_list, numfree, keys_free_list, keys_numfree }
        "struct _Py_async_gen_state" = _Py_async_gen_state { value_freelist, value_numfree, asend_freelist, asend_numfree }
        "struct callable_cache" = callable_cache { isinstance, len, list_append }
        "struct _gc_runtime_state" = _gc_runtime_state {
            trash_delete_later, trash_delete_nesting, enabled, debug, generations, generation0, permanent_generation,
            generation_stats, collecting, garbage, callbacks, long_lived_total, long_lived_pending
        }
        "struct _Py_global_objects" = _Py_global_objects { singletons }
        "struct type_cache" = type_cache { hashtable }
    }
}

const PROGRAM_HEAD: &str = "\
#define Py_BUILD_CORE 1
#define NEED_OPCODE_TABLES
#include \"wrapper.h\"
#include \"internal/pycore_opcode.h\"
#include <stdalign.h>
#include <stdio.h>
int main(void) {
";

fn python() -> String {
    std::env::var("COLUBER_PYTHON")
        .ok()
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| "python3.11".into())
}

/// Compiles `source` against the headers of the Python in use, and runs it. `name`: of the files, one for each test.
fn run_c(name: &str, source: &str) -> String {
    let asked = "import sysconfig; print(sysconfig.get_path('include'))";
    let include =
        Command::new(python()).args(["-I", "-S", "-c", asked]).output().expect("python3.11 is there");
    assert!(include.status.success(), "{}", String::from_utf8_lossy(&include.stderr));
    let include = String::from_utf8(include.stdout).unwrap();
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bindgen");
    let work = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (file, program) = (work.join(format!("{name}.c")), work.join(name));
    std::fs::write(&file, source).unwrap();
    let compiled = Command::new("cc")
        .arg(format!("-I{}", include.trim()))
        .arg(format!("-I{}", here.display()))
        .args(["-w".as_ref(), file.as_os_str(), "-o".as_ref(), program.as_os_str()])
        .output()
        .expect("a C compiler is there");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Rust's keywords carry an underscore at the end in the declarations.
fn c_field(field: &str) -> &str {
    if field == "type_" { "type" } else { field }
}

#[test]
fn every_struct_is_laid_out_as_in_the_headers() {
    let layouts = layouts();
    let (mut source, mut expected) = (PROGRAM_HEAD.to_owned(), String::new());
    for Layout { c_name, size, align, fields } in &layouts {
        writeln!(source, "printf(\"{c_name} %zu %zu\\n\", sizeof({c_name}), alignof({c_name}));").unwrap();
        writeln!(expected, "{c_name} {size} {align}").unwrap();
        for (field, offset) in fields {
            let field = c_field(field);
            writeln!(source, "printf(\"{c_name}.{field} %zu\\n\", offsetof({c_name}, {field}));").unwrap();
            writeln!(expected, "{c_name}.{field} {offset}").unwrap();
        }
    }
    source.push_str("return 0; }\n");
    let found = run_c("layouts", &source);
    let wrong: Vec<String> = found
        .lines()
        .zip(expected.lines())
        .filter(|(c, rust)| c != rust)
        .map(|(c, rust)| format!("the headers have {c:?}, capi::sys has {rust:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(found.lines().count(), expected.lines().count());
}

#[test]
fn specialised_opcodes_and_inline_caches_are_those_of_the_headers() {
    let mut source = PROGRAM_HEAD.to_owned();
    source.push_str(
        "for (int i = 0; i < 256; i++) printf(\"%d %d %d\\n\", i, _PyOpcode_Deopt[i], _PyOpcode_Caches[i]);\nreturn 0; }\n",
    );
    let mut expected = String::new();
    for (i, (deopt, caches)) in opcode::DEOPT.iter().zip(opcode::CACHES).enumerate() {
        writeln!(expected, "{i} {deopt} {caches}").unwrap();
    }
    assert_eq!(run_c("opcodes", &source), expected);
}
