//! The ledger of reference counts: which increments and decrements the trace really carries out.
//!
//! An `incref` only raises what is owed. A `decref` lowers it while more is owed than held, and else is carried out at that very
//! point, for that is where the object may die. Memory holds real references: storing gives one away, overwriting takes one over.

use super::parts::Part;
use super::{Abs, Optimized, Optimizer};
use crate::abort::Abort;
use traces::{Const, OpCode, SnapId, Trace};

impl Optimizer<'_> {
    fn is_real(&self, a: Abs) -> bool {
        let info = self.info(a);
        info.boxed.is_none() && !info.immortal
    }

    pub(super) fn incref(&mut self, a: Abs) {
        let info = self.info_mut(a);
        info.owed += 1;
        let missing = info.owed - info.held;
        if self.env.off.has(Part::Counts) && missing > 0 && self.is_real(a) {
            self.add_real(a, missing);
        } else if missing == 1 {
            self.unsettled.push(a);
        }
    }

    pub(super) fn decref(&mut self, raw: &Trace, code: OpCode, a: Abs, snap: SnapId) -> Optimized<()> {
        let info = self.info_mut(a);
        if info.owed <= 0 {
            return Err(Abort::Counts);
        }
        info.owed -= 1;
        if info.owed >= info.held {
            return Ok(());
        }
        if info.immortal {
            // The reference came from a frame slot in memory; it can't be the last one.
            info.held -= 1;
            let op = self.emit(OpCode::Decref, &[a]);
            self.out.push(op);
            self.forget_places(a);
            return Ok(());
        }
        let known_type = info.known_type;
        // Semantics drop what they know not to be null: values of the stack, or slots that were asked.
        info.nonnull = true;
        let leaf = known_type != 0 && (self.env.is_leaf)(known_type);
        self.value(a);
        self.settle_borrowed(Some(a));
        if leaf {
            self.info_mut(a).held -= 1;
            let op = self.emit(OpCode::DecrefLeaf, &[a]);
            self.out.push(op);
        } else if code == OpCode::DecrefGuard {
            self.info_mut(a).held -= 1;
            self.generation += 1;
            let mut op = self.emit(OpCode::DecrefGuard, &[a]);
            op.snap = self.snapshot(raw, snap)?;
            self.out.push(op);
        } else {
            self.before_python(raw)?;
            self.settle_all();
            self.info_mut(a).held -= 1;
            let op = self.emit(OpCode::DecrefDealloc, &[a]);
            self.out.push(op);
            self.after_python();
        }
        self.generation += 1;
        Ok(())
    }

    /// Memory's reference becomes ours.
    pub(super) fn take(&mut self, a: Abs) {
        if self.info(a).constant == Some(Const::Obj(0)) {
            return;
        }
        self.value(a);
        let info = self.info_mut(a);
        info.owed += 1;
        info.held += 1;
    }

    /// Our reference becomes memory's.
    pub(super) fn give(&mut self, a: Abs) {
        if self.info(a).constant == Some(Const::Obj(0)) {
            return;
        }
        self.value(a);
        // What is held of a constant belongs to frames in memory first.
        let kept = if self.info(a).immortal { self.places(a) } else { 0 };
        let info = self.info(a);
        if info.held <= kept {
            if kept > 0 && info.owed <= info.held {
                // One of the slots is left over from a stack that was higher: its reference it is.
                self.forget_places(a);
            } else {
                self.add_real(a, 1);
            }
        }
        let info = self.info_mut(a);
        info.owed -= 1;
        info.held -= 1;
        if info.owed > info.held {
            let missing = info.owed - info.held;
            // What lives on in memory alone could die there under us.
            if info.held == 0 && !info.immortal {
                self.add_real(a, missing);
            } else {
                self.unsettled.push(a);
            }
        }
    }

    /// A reference of a slot in memory goes elsewhere. Which slot's it was is not known: none counts as up to date any more.
    fn forget_places(&mut self, a: Abs) {
        for frame in &mut self.frames {
            for slot in frame.slots.iter_mut().filter(|slot| **slot == a) {
                *slot = Abs::NONE;
            }
        }
        self.generation += 1;
    }

    /// Emits `n` increments.
    pub(super) fn add_real(&mut self, a: Abs, n: i32) {
        for _ in 0..n {
            let op = self.emit(OpCode::Incref, &[a]);
            self.out.push(op);
        }
        self.info_mut(a).held += n;
        self.generation += 1;
    }

    /// Makes the references of borrowed objects real before something that may free them: a decrement of `dying`, or any.
    pub(super) fn settle_borrowed(&mut self, dying: Option<Abs>) {
        let dying_type = dying.map_or(0, |d| self.info(d).known_type);
        let mut list = std::mem::take(&mut self.unsettled);
        list.retain(|&a| {
            let info = self.info(a);
            if info.owed <= info.held {
                return false;
            }
            let other = dying_type != 0 && info.known_type != 0 && info.known_type != dying_type;
            if self.is_real(a) && info.held == 0 && Some(a) != dying && !other {
                let missing = info.owed - info.held;
                self.add_real(a, missing);
                return false;
            }
            true
        });
        list.append(&mut self.unsettled);
        self.unsettled = list;
    }

    /// Makes every owed reference real: other code is about to look.
    pub(super) fn settle_all(&mut self) {
        for a in std::mem::take(&mut self.unsettled) {
            let info = self.info(a);
            let missing = info.owed - info.held;
            if missing > 0 && self.is_real(a) {
                self.value(a);
                self.add_real(a, missing);
            } else if missing > 0 {
                self.unsettled.push(a);
            }
        }
    }

    /// The same for the constants among the arguments of a call, whose counts the callee may ask for.
    pub(super) fn settle_constants(&mut self, args: &[Abs]) {
        for &a in args {
            let info = self.info(a);
            let missing = info.owed - info.held;
            if info.immortal && missing > 0 && info.constant != Some(Const::Obj(0)) {
                self.add_real(a, missing);
            }
        }
    }
}
