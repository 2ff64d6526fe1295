//! Relaxed SIMD: vector operators whose result may depend on the machine.

use crate::ops::table::Type::{self, V128};
use crate::ops::table::{Opcode, Operator, Proposal};

const V: &[Type] = &[V128];
const V_V: &[Type] = &[V128, V128];
const V_V_V: &[Type] = &[V128, V128, V128];

const fn op(
    name: &'static str,
    ident: &'static str,
    code: u32,
    params: &'static [Type],
) -> Operator {
    let opcode = Opcode::Prefixed(0xfd, code);
    Operator::new(Proposal::RelaxedSimd, (name, ident), opcode, params, V)
}

pub(super) const ROWS: &[Operator] = &[
    op("i8x16.relaxed_swizzle", "I8x16RelaxedSwizzle", 0x100, V_V),
    op("i32x4.relaxed_trunc_f32x4_s", "I32x4RelaxedTruncF32x4S", 0x101, V),
    op("i32x4.relaxed_trunc_f32x4_u", "I32x4RelaxedTruncF32x4U", 0x102, V),
    op("i32x4.relaxed_trunc_f64x2_s_zero", "I32x4RelaxedTruncF64x2SZero", 0x103, V),
    op("i32x4.relaxed_trunc_f64x2_u_zero", "I32x4RelaxedTruncF64x2UZero", 0x104, V),
    op("f32x4.relaxed_madd", "F32x4RelaxedMadd", 0x105, V_V_V),
    op("f32x4.relaxed_nmadd", "F32x4RelaxedNmadd", 0x106, V_V_V),
    op("f64x2.relaxed_madd", "F64x2RelaxedMadd", 0x107, V_V_V),
    op("f64x2.relaxed_nmadd", "F64x2RelaxedNmadd", 0x108, V_V_V),
    op("i8x16.relaxed_laneselect", "I8x16RelaxedLaneselect", 0x109, V_V_V),
    op("i16x8.relaxed_laneselect", "I16x8RelaxedLaneselect", 0x10a, V_V_V),
    op("i32x4.relaxed_laneselect", "I32x4RelaxedLaneselect", 0x10b, V_V_V),
    op("i64x2.relaxed_laneselect", "I64x2RelaxedLaneselect", 0x10c, V_V_V),
    op("f32x4.relaxed_min", "F32x4RelaxedMin", 0x10d, V_V),
    op("f32x4.relaxed_max", "F32x4RelaxedMax", 0x10e, V_V),
    op("f64x2.relaxed_min", "F64x2RelaxedMin", 0x10f, V_V),
    op("f64x2.relaxed_max", "F64x2RelaxedMax", 0x110, V_V),
    op("i16x8.relaxed_q15mulr_s", "I16x8RelaxedQ15mulrS", 0x111, V_V),
    op("i16x8.relaxed_dot_i8x16_i7x16_s", "I16x8RelaxedDotI8x16I7x16S", 0x112, V_V),
    op("i32x4.relaxed_dot_i8x16_i7x16_add_s", "I32x4RelaxedDotI8x16I7x16AddS", 0x113, V_V_V),
];
