//! Arrays made of many operands.
//!
//! Finds what an operator with thousands of operands costs: an operand stack as high, allocation
//! that stores each, roots that live across it. Nothing but the size of a body bounds the operands
//! in wasmparser.

use super::rec_groups::reference;
use super::{LITERAL_BYTES_MAX, Use, field, fit, push_ints};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, code, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape};
use wasm_encoder::{ConstExpr, HeapType, ValType};

/// N arrays by `array.new_fixed` of M operands: as initial values of globals, or in functions.
pub(crate) struct ArrayOperands(pub(crate) Use);

/// The type of the arrays, the first of the module.
const ARRAY: u32 = 0;

impl Shape for ArrayOperands {
    fn id(&self) -> &'static str {
        self.0.pick(["array-operands", "array-operands-used", "array-operands-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N globals that start as arrays of M operands",
            "one function that makes N arrays of M operands",
            "N functions that each make an array of M operands",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("operands", "operands of each array", 0, 1_000_000, 100),
            param("count", "arrays", 1, 100_000, 2),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("array-operands", "operands")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let operands = args.get("operands");
        let count = fit(args.get("count"), 16 + 2 * operands, LITERAL_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        builder.proposals.insert(Proposal::Gc);
        let mut array = vec![0x5e];
        field(ValType::I32, true, &mut array);
        builder.types.push(&array);
        builder.usage.raise("array-operands", operands);
        if self.0 == Use::Declared {
            let init = code(|code| {
                push_ints(code, 0, operands);
                code.array_new_fixed(ARRAY, index(operands)).end();
            });
            let ty = reference(ARRAY.into());
            builder.global_repeat(ty, false, Rope::from(init), operands + 1, count);
            return builder.finish();
        }
        let null = ConstExpr::ref_null(HeapType::Concrete(ARRAY));
        let last = index(builder.global(reference(ARRAY.into()), &null));
        self.0.finish(builder, count, |code, k| {
            push_ints(code, k, operands);
            code.array_new_fixed(ARRAY, index(operands)).global_set(last);
        })
    }
}
