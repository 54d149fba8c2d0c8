//! What is in memory before a random trace is entered: a frame, a thread state, and objects of each type; and the edge
//! values that constants and inputs are drawn from.
//!
//! Used by the generator only. Every field is read and written with the one width that its offset below is named for.

use super::Rng;
use crate::memory::{Fault, Kind, Memory};
use crate::trace::Const;

/// Locals of the frame.
pub const LOCALS: usize = 8;
/// Byte offset of `localsplus` in the frame.
pub const LOCALSPLUS: i32 = 72;
/// Slots of the frame: locals, and room for the value stack.
pub const FRAME_SLOTS: usize = 64;
pub(super) const ITEMS: usize = 8;

/// Offsets in plain objects, one width each.
pub(super) const FIELD_INT: i32 = 16;
pub(super) const FIELD_FLOAT: i32 = 24;
pub(super) const FIELD_I32: i32 = 32;
pub(super) const FIELD_U32: i32 = 36;
pub(super) const FIELD_U8: i32 = 40;
pub(super) const FIELD_OBJ: i32 = 48;
pub(super) const LIST_SIZE: i32 = 16;
pub(super) const LIST_ITEMS: i32 = 24;

/// What is in memory before the trace is entered.
#[derive(Debug)]
pub struct World {
    pub(super) frame: usize,
    pub(super) thread_state: usize,
    /// Objects that never die: their counts are high.
    pub(super) objects: Vec<usize>,
    pub(super) plain: Vec<usize>,
    pub(super) lists: Vec<usize>,
}

impl World {
    pub(super) fn new(memory: &mut Memory, rng: &mut Rng) -> Result<World, Fault> {
        // Of a small int there is but one object.
        let mut objects = vec![memory.new_int(3)?, memory.new_int(-1)?];
        for value in
            [1000, -(1 << 30), (1 << 30) - 1, 1 << 45, -(1i128 << 60), 1 << 62, i64::MIN.into(), 1 << 63]
        {
            objects.push(memory.new_wide_int(value)?);
        }
        for value in [0.0, -0.0, 1.5, -1e300, f64::INFINITY, f64::NAN, 5e-324, 123456.75] {
            objects.push(memory.new_object(Kind::Float, 8)?);
            memory.write_u64(*objects.last().expect("just pushed") + 16, f64::to_bits(value))?;
        }
        let plain: Vec<usize> =
            (0..3).map(|_| memory.new_object(Kind::Plain, 48)).collect::<Result<_, _>>()?;
        objects.extend(&plain);
        for &object in &objects {
            memory.write_u64(object, 1_000_000)?;
        }
        objects.extend([memory.bool_object(false), memory.bool_object(true)]);
        let frame = memory.allocate(LOCALSPLUS as usize + 8 * FRAME_SLOTS)?;
        let thread_state = memory.allocate(64)?;
        for n in 0..4 {
            memory.write_u64(frame + 8 * n, rng.bits() >> rng.below(64))?;
            memory.write_u64(thread_state + 16 + 8 * n, rng.bits() >> rng.below(64))?;
        }
        for n in 0..LOCALS {
            memory.write_u64(frame + LOCALSPLUS as usize + 8 * n, rng.pick(&objects) as u64)?;
        }
        for &object in &plain {
            memory.write_u64(object + FIELD_INT as usize, rng.bits() >> rng.below(64))?;
            memory.write_u64(object + FIELD_FLOAT as usize, edge_float(rng).to_bits())?;
            memory.write_u64(object + FIELD_I32 as usize, rng.bits())?;
            memory.write_u64(object + FIELD_U8 as usize, rng.bits())?;
            memory.write_u64(object + FIELD_OBJ as usize, rng.pick(&objects) as u64)?;
        }
        let mut lists = Vec::new();
        for _ in 0..2 {
            let items = memory.allocate(8 * ITEMS)?;
            for n in 0..ITEMS {
                memory.write_u64(items + 8 * n, rng.pick(&objects) as u64)?;
            }
            let list = memory.new_object(Kind::Plain, 16)?;
            memory.write_u64(list, 1_000_000)?;
            memory.write_u64(list + LIST_SIZE as usize, ITEMS as u64)?;
            memory.write_u64(list + LIST_ITEMS as usize, items as u64)?;
            lists.push(list);
        }
        Ok(World { frame, thread_state, objects, plain, lists })
    }
}

pub(super) fn edge_int(rng: &mut Rng) -> i64 {
    const EDGES: &[i64] = &[
        0,
        1,
        -1,
        2,
        7,
        63,
        64,
        255,
        256,
        257,
        -5,
        -6,
        0x7f,
        0x80,
        0x7fff_ffff,
        0x8000_0000,
        -0x8000_0000,
        -0x8000_0001,
        1 << 30,
        (1 << 30) - 1,
        1 << 60,
        1 << 53,
        i64::MAX,
        i64::MIN,
        i64::MIN + 1,
    ];
    match rng.below(4) {
        0 => (rng.bits() as i64) >> rng.below(64),
        1 => rng.below(20) as i64 - 10,
        _ => rng.pick(EDGES),
    }
}

pub(super) fn edge_float(rng: &mut Rng) -> f64 {
    const EDGES: &[f64] = &[
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        0.1,
        1.5,
        -2.5,
        1e300,
        -1e300,
        5e-324,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        9007199254740992.0,
        9223372036854775808.0,
        -9223372036854775808.0,
    ];
    if rng.one_in(3) { (rng.bits() as i32) as f64 / 64.0 } else { rng.pick(EDGES) }
}

pub(super) fn inputs(rng: &mut Rng, world: &World) -> Vec<Const> {
    (0..rng.below(7))
        .map(|_| match rng.below(5) {
            0 | 1 => Const::Int(edge_int(rng)),
            2 => Const::Float(edge_float(rng).to_bits()),
            3 => Const::Bool(rng.one_in(2)),
            _ => Const::Obj(rng.pick(&world.objects)),
        })
        .collect()
}
