//! A runtime of simulated objects for the optimizer: an [`Env`] over a [`Memory`] of `traces`.
//!
//! Used by the tests of the optimizer. No Python is involved; addresses are those of the memory that was announced last on this thread.

#![allow(dead_code)] // each test file uses its part

pub mod made_up;

use std::cell::RefCell;

use tracer::optimizer::{Env, HelperIds};
use traces::memory::{FLOAT_VALUE_OFFSET, INT_DIGIT_OFFSET, INT_SIZE_OFFSET, Kind, Memory, TYPE_OFFSET};
use traces::random::{LOCALSPLUS, Program};
use traces::{Const, OpCode};

/// What the questions of the optimizer are answered from.
#[derive(Default)]
struct World {
    base: usize,
    bytes: Vec<u8>,
    int: usize,
    float: usize,
    bool: usize,
    true_object: usize,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

impl World {
    fn word(&self, address: usize) -> u64 {
        let at = address - self.base;
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("eight bytes"))
    }

    fn kind(&self, object: usize) -> usize {
        self.word(object + TYPE_OFFSET as usize) as usize
    }

    fn int(&self, object: usize) -> Option<i64> {
        let size = self.word(object + INT_SIZE_OFFSET as usize) as i64;
        let digits = (0..size.unsigned_abs() as usize).rev();
        let digit = |n: usize| {
            let at = object + INT_DIGIT_OFFSET as usize + 4 * n - self.base;
            u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
        };
        if digits.len() > 3 {
            return None;
        }
        let value = digits.fold(0i128, |value, n| value << 30 | i128::from(digit(n)));
        i64::try_from(if size < 0 { -value } else { value }).ok()
    }
}

fn is_leaf(ty: usize) -> bool {
    WORLD.with_borrow(|w| [w.int, w.float, w.bool].contains(&ty))
}

fn keeps_class(_: usize) -> bool {
    true
}

fn type_of(object: usize) -> usize {
    WORLD.with_borrow(|w| w.kind(object))
}

fn payload_of(code: OpCode, object: usize) -> Option<Const> {
    WORLD.with_borrow(|w| {
        let ty = w.kind(object);
        match code {
            OpCode::IntValue if ty == w.int || ty == w.bool => w.int(object).map(Const::Int),
            OpCode::FloatValue if ty == w.float => {
                Some(Const::Float(w.word(object + FLOAT_VALUE_OFFSET as usize)))
            }
            OpCode::BoolValue if ty == w.bool => Some(Const::Bool(object == w.true_object)),
            _ => None,
        }
    })
}

/// The runtime of a random program.
pub fn env(program: &Program) -> Env {
    let memory: &Memory = &program.memory;
    let [int, float, bool] = [Kind::Int, Kind::Float, Kind::Bool].map(|kind| memory.type_address(kind));
    let [false_object, true_object] = [false, true].map(|value| memory.bool_object(value));
    WORLD.set(World { base: memory.base(), bytes: program.initial.clone(), int, float, bool, true_object });
    Env {
        int_type: int,
        float_type: float,
        bool_type: bool,
        true_object,
        false_object,
        is_leaf,
        keeps_class,
        type_of,
        may_die: |o| o / 16 % 3 == 0,
        payload_of,
        drops_licences: false,
        off: Default::default(),
        refcnt: 0,
        localsplus: LOCALSPLUS,
        // Fields that no random program looks at.
        frame_func: 40,
        frame_obj: 48,
        f_locals: 40,
        prev_instr: 56,
        first_unit: 200,
        helpers: HelperIds { push_frame: -1, pop_frame: -1, stealing: (-1, -1) },
    }
}
