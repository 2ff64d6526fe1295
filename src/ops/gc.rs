//! Garbage collection: structures, arrays, `i31` and casts.

use crate::ops::mvp::END;
use crate::ops::table::Piece::{BlockResult, Const, Raw};
use crate::ops::table::Type::{
    self, AnyRef, Array, ArrayRef, Bytes, EqRef, ExternRef, FuncRef, I31Ref, I32, I64, Refs,
    Struct, StructRef,
};
use crate::ops::table::{Declared, Immediate, Opcode, Operator, Piece, Proposal};

const DROP: Piece = Raw(&[0x1a]);

const STRUCT: Immediate = Immediate::Type(Declared::Struct);
const ARRAY: Immediate = Immediate::Type(Declared::Array);
const BYTES: Immediate = Immediate::Type(Declared::Bytes);
const REFS: Immediate = Immediate::Type(Declared::Refs);

/// The field of type `i64`.
const WHOLE: Immediate = Immediate::Number(0);
/// The field of type `i8`.
const PACKED: Immediate = Immediate::Number(1);

const fn op(
    name: &'static str,
    ident: &'static str,
    code: u32,
    params: &'static [Type],
    results: &'static [Type],
) -> Operator {
    Operator::new(Proposal::Gc, (name, ident), Opcode::Prefixed(0xfb, code), params, results)
}

/// Around a branch on a cast: the result is null when the branch is not taken.
const fn branch(
    name: &'static str,
    ident: &'static str,
    code: u32,
    immediates: &'static [Immediate],
) -> Operator {
    op(name, ident, code, &[AnyRef], &[AnyRef])
        .with(immediates)
        .framed(&[BlockResult(AnyRef)], &[DROP, Const(AnyRef), END])
}

const REF_EQ: Operator =
    Operator::new(Proposal::Gc, ("ref.eq", "RefEq"), Opcode::Byte(0xd3), &[EqRef, EqRef], &[I32]);

pub(super) const ROWS: &[Operator] = &[
    REF_EQ,
    op("struct.new", "StructNew", 0, &[I64, I32, AnyRef], &[Struct]).with(&[STRUCT]),
    op("struct.new_default", "StructNewDefault", 1, &[], &[Struct]).with(&[STRUCT]),
    op("struct.get", "StructGet", 2, &[Struct], &[I64]).with(&[STRUCT, WHOLE]).traps(),
    op("struct.get_s", "StructGetS", 3, &[Struct], &[I32]).with(&[STRUCT, PACKED]).traps(),
    op("struct.get_u", "StructGetU", 4, &[Struct], &[I32]).with(&[STRUCT, PACKED]).traps(),
    op("struct.set", "StructSet", 5, &[Struct, I64], &[]).with(&[STRUCT, WHOLE]).traps(),
    // A length too large for the heap traps.
    op("array.new", "ArrayNew", 6, &[I32, I32], &[Array]).with(&[ARRAY]).traps(),
    op("array.new_default", "ArrayNewDefault", 7, &[I32], &[Array]).with(&[ARRAY]).traps(),
    op("array.new_fixed", "ArrayNewFixed", 8, &[I32, I32, I32], &[Array])
        .with(&[ARRAY, Immediate::Number(3)]),
    op("array.new_data", "ArrayNewData", 9, &[I32, I32], &[Bytes])
        .with(&[BYTES, Immediate::Data])
        .traps(),
    op("array.new_elem", "ArrayNewElem", 10, &[I32, I32], &[Refs])
        .with(&[REFS, Immediate::Elements])
        .traps(),
    op("array.get", "ArrayGet", 11, &[Array, I32], &[I32]).with(&[ARRAY]).traps(),
    op("array.get_s", "ArrayGetS", 12, &[Bytes, I32], &[I32]).with(&[BYTES]).traps(),
    op("array.get_u", "ArrayGetU", 13, &[Bytes, I32], &[I32]).with(&[BYTES]).traps(),
    op("array.set", "ArraySet", 14, &[Array, I32, I32], &[]).with(&[ARRAY]).traps(),
    op("array.len", "ArrayLen", 15, &[ArrayRef], &[I32]).traps(),
    op("array.fill", "ArrayFill", 16, &[Refs, I32, FuncRef, I32], &[]).with(&[REFS]).traps(),
    op("array.copy", "ArrayCopy", 17, &[Array, I32, Array, I32, I32], &[])
        .with(&[ARRAY, ARRAY])
        .traps(),
    op("array.init_data", "ArrayInitData", 18, &[Bytes, I32, I32, I32], &[])
        .with(&[BYTES, Immediate::Data])
        .traps(),
    op("array.init_elem", "ArrayInitElem", 19, &[Refs, I32, I32, I32], &[])
        .with(&[REFS, Immediate::Elements])
        .traps(),
    op("ref.test", "RefTestNonNull", 20, &[AnyRef], &[I32]).with(&[Immediate::Heap(Struct)]),
    op("ref.test_null", "RefTestNullable", 21, &[AnyRef], &[I32]).with(&[Immediate::Heap(I31Ref)]),
    op("ref.cast", "RefCastNonNull", 22, &[AnyRef], &[Struct])
        .with(&[Immediate::Heap(Struct)])
        .traps(),
    op("ref.cast_null", "RefCastNullable", 23, &[AnyRef], &[StructRef])
        .with(&[Immediate::Heap(StructRef)])
        .traps(),
    branch("br_on_cast", "BrOnCast", 24, &[Immediate::Cast(0, AnyRef, Struct)]),
    branch("br_on_cast_fail", "BrOnCastFail", 25, &[Immediate::Cast(0, AnyRef, I31Ref)]),
    op("any.convert_extern", "AnyConvertExtern", 26, &[ExternRef], &[AnyRef]),
    op("extern.convert_any", "ExternConvertAny", 27, &[AnyRef], &[ExternRef]),
    op("ref.i31", "RefI31", 28, &[I32], &[I31Ref]),
    op("i31.get_s", "I31GetS", 29, &[I31Ref], &[I32]).traps(),
    op("i31.get_u", "I31GetU", 30, &[I31Ref], &[I32]).traps(),
];
