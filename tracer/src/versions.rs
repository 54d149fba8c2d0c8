//! Guards that can never hold again: those that compare a version number which something now alive has left behind.
//!
//! A type and the keys of a dict get a new number with each change that look-ups have to notice, and no number comes back. So where a
//! guard compares the version of a type or dict that the trace embeds, and another one stands there now, the guard fails for
//! good. `driver` asks when such a guard's exit is hot: a bridge there would only lengthen each turn's way, and the next change one more.
//!
//! ```text
//! v7 = load_u32 <class Node> +TypeVersion ; v8 = int_eq v7, 412 ; guard_true v8
//! ```

use crate::layout;
use crate::optimizer::KnownAt;
use traces::{Const, Op, OpCode, Region, Trace, Val};

/// The version that a guard compares.
#[derive(Clone, PartialEq, Debug)]
pub struct GuardedVersion {
    /// An object that the trace embeds.
    pub object: usize,
    /// Offsets of the pointers from there to what has the version; no pointer is at 0, which ends them.
    pub path: [u16; 3],
    /// Offset of the version in it.
    pub field: u16,
    /// What it has to be.
    pub expected: u32,
}

impl GuardedVersion {
    /// What a guard compares, if that is a version reached from a constant. `known` is what is known at its exit.
    pub fn of(trace: &Trace, guard: &Op, known: KnownAt<'_>) -> Option<GuardedVersion> {
        if guard.code != OpCode::GuardTrue {
            return None;
        }
        let equal = &trace.ops[guard.args[0].op_index()?];
        if equal.code != OpCode::IntEq {
            return None;
        }
        let (a, b) = (equal.args[0], equal.args[1]);
        let (tag, expected) = if b.is_const() { (a, b) } else { (b, a) };
        let Const::Int(expected) = trace.consts[expected.const_index()?] else { return None };
        let expected = u32::try_from(expected).ok()?;
        let tag = Load::of(trace, tag, known)?;
        match (tag.code, tag.region) {
            (OpCode::LoadU32, Region::TypeVersion) if tag.offset == layout::TYPE_VERSION => {}
            // All empty dicts share keys whose version is 1.
            (OpCode::LoadU32, Region::DictKeys) if tag.offset == layout::KEYS_VERSION && expected > 1 => {}
            _ => return None,
        }
        let field = u16::try_from(tag.offset).ok()?;
        let (mut base, mut path) = (tag.base, [0; 3]);
        loop {
            if let Some(i) = base.const_index() {
                let (Const::Obj(object) | Const::Ptr(object)) = trace.consts[i] else { return None };
                return Some(GuardedVersion { object, path, field, expected });
            }
            let step = Load::of(trace, base, known)?;
            let allowed = match step.region {
                Region::TypeVersion => step.offset == layout::TYPE_CACHED_KEYS,
                Region::DictHead => step.offset == layout::DICT_KEYS,
                // A module's dict.
                Region::Immutable => step.code == OpCode::LoadObj,
                _ => false,
            };
            // Found from the last to the first.
            let [next, after, end] = path;
            if !allowed || step.offset == 0 || end != 0 {
                return None;
            }
            path = [u16::try_from(step.offset).ok()?, next, after];
            base = step.base;
        }
    }

    /// Whether another version stands there now, so that the guard can't hold any more.
    ///
    /// # Safety
    /// The trace is valid, and the GIL is held.
    pub unsafe fn is_outdated(&self) -> bool {
        // SAFETY: what a valid trace embeds is alive; it owns what the path leads through (see `of`); the pointers are read anew.
        unsafe {
            let mut at = self.object as *const u8;
            for &offset in self.path.iter().take_while(|offset| **offset != 0) {
                at = at.add(offset.into()).cast::<*const u8>().read();
                if at.is_null() {
                    return true;
                }
            }
            at.add(self.field.into()).cast::<u32>().read() != self.expected
        }
    }
}

/// A load of a trace, or one that was done before it and whose result is a param.
struct Load {
    code: OpCode,
    region: Region,
    base: Val,
    offset: usize,
}

impl Load {
    fn of(trace: &Trace, v: Val, known: KnownAt<'_>) -> Option<Load> {
        let op = &trace.ops[v.op_index()?];
        let (code, region, imm, base) = match op.code {
            OpCode::LoadU32 | OpCode::LoadPtr | OpCode::LoadObj => (op.code, op.region, op.imm, op.args[0]),
            _ => {
                let fact = known.facts().find(|f| f.result == v)?;
                (fact.code, fact.region, fact.imm, fact.args[0])
            }
        };
        let is_load = matches!(code, OpCode::LoadU32 | OpCode::LoadPtr | OpCode::LoadObj);
        is_load.then_some(Load { code, region, base, offset: imm as usize })
    }
}
