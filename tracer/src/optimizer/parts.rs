//! The parts of the optimizer that can be left out, to find the one that is to blame (`-X jit-no-pass`).
//!
//! What remains is always a sound trace, only a slower one: each part answers questions that may as well be answered by not knowing.

macro_rules! parts {
    ($( $(#[$doc:meta])* $variant:ident $name:literal; )*) => {
        /// A part.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Part { $( $(#[$doc])* $variant, )* }
        /// All parts, with their names.
        pub const ALL: &[(&str, Part)] = &[ $( ($name, Part::$variant), )* ];
    };
}

parts! {
    /// Ops on constants are computed (`fold`).
    Folding "folding";
    /// Algebraic identities (`rules`).
    Identities "identities";
    /// What was computed once is not computed again.
    Cse "cse";
    /// Loads are answered by earlier loads and stores.
    Forwarding "forwarding";
    /// Guards that earlier ones imply are left out.
    Guards "guards";
    /// Boxes are not made until somebody sees them; the loop has numbers in registers.
    Unboxing "unboxing";
    /// A loop relies on facts that were hoisted out of it.
    Hoisting "hoisting";
    /// What nobody needs is dropped (`dead`).
    DeadCode "dead-code";
    /// Increments wait until somebody can tell (`ledger`).
    Counts "counts";
}

/// Which parts are left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Off(u16);

impl Off {
    /// Leaves a part out.
    pub fn add(&mut self, part: Part) {
        self.0 |= 1 << part as u16;
    }
    /// Whether a part is left out.
    pub fn has(self, part: Part) -> bool {
        self.0 & 1 << part as u16 != 0
    }
}
