//! Function types, all different.
//!
//! Finds what is done once for each type or for each pair: canonicalisation, trampolines for each
//! signature, the check of a signature at each indirect call.

use super::{DIGITS, LITERAL_BYTES_MAX, MILLION, Use, count, digits, drops, fit, push_ints, small};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Shape, leb};
use wasm_encoder::{ConstExpr, Encode, RefType, TableType, ValType};

/// N function types; used by `call_indirect`.
pub(crate) struct Types(pub(crate) Use);

impl Shape for Types {
    fn id(&self) -> &'static str {
        self.0.pick(["types", "types-used", "types-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N different function types",
            "N different function types and one function with an indirect call of each",
            "N different function types and for each a function with an indirect call of it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("function types", MILLION, 100),
            param("params", "parameters beyond the ten that tell types apart", 0, 991, 2),
            param("results", "results of each type", 0, 1_001, 1),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[
            axis("types", "count"),
            axis("function-params", "params"),
            axis("function-results", "results"),
        ];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (params, results) = (args.get("params"), args.get("results"));
        let type_bytes = DIGITS + params + results + 5;
        let use_bytes = self.0.pick([0, 0, 2 * (DIGITS + params) + results + 14]);
        let count = fit(args.get("count"), type_bytes + use_bytes, LITERAL_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        builder.types.push_each(count, |k, out| {
            out.push(0x60);
            leb(DIGITS + params, out);
            digits(k).for_each(|ty| ty.encode(out));
            (0..params).for_each(|_| ValType::I32.encode(out));
            leb(results, out);
            (0..results).for_each(|_| ValType::I32.encode(out));
        });
        if count > 0 {
            builder.usage.raise("function-params", DIGITS + params);
            builder.usage.raise("function-results", results);
        }
        builder.proposals.extend((results > 1).then_some(Proposal::MultiValue));
        if self.0.is_used() {
            builder.table(&FUNCTION_TABLE, 1);
            operands(&mut builder);
        }
        self.0.finish(builder, count, |code, k| {
            digits(u64::from(k)).for_each(|ty| {
                code.global_get(operand(ty));
            });
            push_ints(code, k, params);
            code.i32_const(small(k)).call_indirect(0, k);
            drops(code, results);
        })
    }
}

/// Holds no function: whether one of the right type is there is not what this shape is about.
const FUNCTION_TABLE: TableType = TableType {
    element_type: RefType::FUNCREF,
    table64: false,
    minimum: 64,
    maximum: None,
    shared: false,
};

/// Declares a global of each number type, for operands that no compiler knows.
fn operands(builder: &mut ModuleBuilder) {
    builder.global(ValType::I32, &ConstExpr::i32_const(1));
    builder.global(ValType::I64, &ConstExpr::i64_const(2));
    builder.global(ValType::F32, &ConstExpr::f32_const(3.0.into()));
    builder.global(ValType::F64, &ConstExpr::f64_const(4.0.into()));
}

/// The global of [`operands`] of this type.
fn operand(ty: ValType) -> u32 {
    let position = (0..4).position(|digit| super::number(digit) == ty);
    index(position.expect("one of the four number types") as u64)
}
