//! Number types as a parameter of a shape, with the few operators that bodies need of each.
//!
//! Shapes that take no unit read and write a memory of their own here. Register classes, constant
//! pools and spill slots differ by type, so the type is a parameter rather than always `i32`.

use crate::ops::Proposal;
use crate::shapes::{Args, Param};
use wasm_encoder::{Ieee32, Ieee64, InstructionSink, MemArg, ValType};

/// The parameter that chooses a [`Scalar`].
pub(crate) const TYPE: Param = Param {
    name: "type",
    summary: "type of the values: 0 i32, 1 i64, 2 f32, 3 f64, 4 v128",
    min: 0,
    max: 4,
    default: 0,
};

/// Different slots of memory that loads and stores go to before they wrap: more than a function
/// can have locals, so that no two live values come from one address.
const SLOTS: u64 = 65_536;

/// Bytes from slot to slot: the widest type.
const SLOT_BYTES: u64 = 16;

/// Pages of the memory: all slots behind any address of the first page.
pub(crate) const MEMORY_PAGES: u64 = SLOTS * SLOT_BYTES / 65_536 + 1;

/// Different constants of each type, at the least.
pub(crate) const CONSTANTS: u32 = 1 << 29;

/// 2.0, from which [`CONSTANTS`] steps up stay finite.
const F32_BITS: u32 = 0x4000_0000;
const _: () = assert!(F32_BITS + CONSTANTS < 0x7f80_0000, "infinity and NaN lie above");

/// Upper half of each constant that has one, so that no immediate form can hold it.
const HIGH_BITS: u64 = 0x4123_4567;

/// A number or vector type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    I32,
    I64,
    F32,
    F64,
    V128,
}

impl Scalar {
    /// All types, in the order of [`TYPE`].
    const ALL: [Scalar; 5] = [Scalar::I32, Scalar::I64, Scalar::F32, Scalar::F64, Scalar::V128];

    /// The type that the parameter [`TYPE`] chooses.
    pub(crate) fn of(args: &Args<'_>) -> Scalar {
        let index = usize::try_from(args.get(TYPE.name)).expect("at most 4");
        Scalar::ALL[index]
    }

    /// The proposal that the type belongs to.
    pub(crate) fn proposal(self) -> Proposal {
        match self {
            Scalar::V128 => Proposal::Simd,
            Scalar::I32 | Scalar::I64 | Scalar::F32 | Scalar::F64 => Proposal::Mvp,
        }
    }

    /// The type as wasm-encoder has it.
    pub(crate) fn val_type(self) -> ValType {
        match self {
            Scalar::I32 => ValType::I32,
            Scalar::I64 => ValType::I64,
            Scalar::F32 => ValType::F32,
            Scalar::F64 => ValType::F64,
            Scalar::V128 => ValType::V128,
        }
    }

    /// `[i32] -> [t]`: a load from slot `k` behind the address.
    pub(crate) fn load(self, code: &mut InstructionSink<'_>, k: u64) {
        let arg = slot(k);
        match self {
            Scalar::I32 => code.i32_load(arg),
            Scalar::I64 => code.i64_load(arg),
            Scalar::F32 => code.f32_load(arg),
            Scalar::F64 => code.f64_load(arg),
            Scalar::V128 => code.v128_load(arg),
        };
    }

    /// `[i32 t] -> []`: a store to slot `k` behind the address.
    pub(crate) fn store(self, code: &mut InstructionSink<'_>, k: u64) {
        let arg = slot(k);
        match self {
            Scalar::I32 => code.i32_store(arg),
            Scalar::I64 => code.i64_store(arg),
            Scalar::F32 => code.f32_store(arg),
            Scalar::F64 => code.f64_store(arg),
            Scalar::V128 => code.v128_store(arg),
        };
    }

    /// `[] -> [t]`: a constant, another one for each `k` below [`CONSTANTS`]; no float is NaN.
    pub(crate) fn constant(self, code: &mut InstructionSink<'_>, k: u64) {
        // Multiplying by an odd number keeps all different and fills the upper bits too.
        let low = u32::try_from(k & 0xffff_ffff).expect("masked");
        let mixed = low.wrapping_mul(0x9e37_79b1);
        let wide = (HIGH_BITS << 32) | u64::from(mixed);
        match self {
            Scalar::I32 => code.i32_const(mixed.cast_signed()),
            Scalar::I64 => code.i64_const(wide.cast_signed()),
            Scalar::F32 => code.f32_const(Ieee32::new(F32_BITS + low)),
            Scalar::F64 => code.f64_const(Ieee64::new(wide)),
            Scalar::V128 => {
                code.v128_const(((u128::from(!wide) << 64) | u128::from(wide)).cast_signed())
            }
        };
    }

    /// `[t t] -> [t]`: an addition.
    pub(crate) fn add(self, code: &mut InstructionSink<'_>) {
        match self {
            Scalar::I32 => code.i32_add(),
            Scalar::I64 => code.i64_add(),
            Scalar::F32 => code.f32_add(),
            Scalar::F64 => code.f64_add(),
            Scalar::V128 => code.i32x4_add(),
        };
    }
}

/// The memory argument of slot `k`.
fn slot(k: u64) -> MemArg {
    MemArg { offset: k % SLOTS * SLOT_BYTES, align: 0, memory_index: 0 }
}
