//! Mutable globals.
//!
//! Finds what is done for each global: an offset into the VM context that no addressing mode holds,
//! an alias region of its own, an initialiser that the start-up code unrolls.

use super::{MILLION, Use, VARIETY, count, small};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, cycle, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Shape};
use wasm_encoder::{ConstExpr, Encode, HeapType, RefType, ValType};

/// N globals; used by reading the next and writing this one, so that no value forwards.
pub(crate) struct Globals(pub(crate) Use);

impl Shape for Globals {
    fn id(&self) -> &'static str {
        self.0.pick(["globals", "globals-used", "globals-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N mutable globals",
            "N mutable globals and one function that reads and writes each",
            "N mutable globals and for each a function that writes it from the next",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("globals", MILLION, 50),
            param("type", "0 i32, 1 i64, 2 f32, 3 f64, 4 v128, 5 funcref, 6 externref", 0, 6, 0),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("globals", "count")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (count, ty) = (args.get("count"), args.get("type"));
        let mut builder = ModuleBuilder::new();
        let globals = cycle(count, VARIETY, |k, rope| {
            let (ty, init) = global(ty, k);
            rope.push_with(|out| {
                ty.encode(out);
                out.push(1);
                init.encode(out);
            });
        });
        builder.globals.push_encoded(globals, count);
        builder.usage.raise("const-expr-ops", count.min(1));
        match ty {
            4 => builder.proposals.extend([Proposal::Simd]),
            5 => builder.proposals.extend([Proposal::ReferenceTypes]),
            6 => builder.proposals.extend([Proposal::ReferenceTypes, Proposal::GcTypes]),
            _ => {}
        }
        self.0.finish(builder, count, |code, k| {
            code.global_get((k + 1) % index(count)).global_set(k);
        })
    }
}

/// The type of this number and an initial value; those of neighbours differ where the type allows.
fn global(ty: u64, k: u32) -> (ValType, ConstExpr) {
    let number = f64::from(k);
    match ty {
        0 => (ValType::I32, ConstExpr::i32_const(small(k))),
        1 => (ValType::I64, ConstExpr::i64_const(i64::from(k))),
        2 => (ValType::F32, ConstExpr::f32_const(f32::from(half(k)).into())),
        3 => (ValType::F64, ConstExpr::f64_const(number.into())),
        4 => (ValType::V128, ConstExpr::v128_const(i128::from(k))),
        5 => (ValType::Ref(RefType::FUNCREF), ConstExpr::ref_null(HeapType::FUNC)),
        _ => (ValType::Ref(RefType::EXTERNREF), ConstExpr::ref_null(HeapType::EXTERN)),
    }
}

/// `k`, which is below the number of different items, in sixteen bits.
fn half(k: u32) -> u16 {
    u16::try_from(k).expect("below the variety of items")
}
