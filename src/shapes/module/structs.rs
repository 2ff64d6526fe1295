//! Structs of many fields.
//!
//! Finds what depends on the number of fields: offsets that no addressing mode holds, allocation
//! that stores each field, an operand stack as high as the struct is wide.

use super::rec_groups::reference;
use super::{LITERAL_BYTES_MAX, OWN_FUNCTIONS_MAX, Use, field, fit, push_ints, small};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Shape, leb};
use wasm_encoder::{ConstExpr, Encode, HeapType, ValType};

/// N struct types of F fields; used by `struct.new`, and by `struct.get` and `struct.set` of each
/// field.
pub(crate) struct StructFields(pub(crate) Use);

impl Shape for StructFields {
    fn id(&self) -> &'static str {
        self.0.pick(["struct-fields", "struct-fields-used", "struct-fields-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N struct types of F fields",
            "N struct types of F fields and one function that makes each and touches each field",
            "N struct types of F fields and functions that each make one or touch one field",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("fields", "fields of each struct", 0, 10_001, 16),
            param("count", "struct types", 1, 1_000, 2),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("struct-fields", "fields")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let fields = args.get("fields");
        let use_bytes = self.0.pick([0, 24, 32]);
        let count = fit(args.get("count"), (1 + fields) * (2 + use_bytes), LITERAL_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        builder.proposals.insert(Proposal::Gc);
        builder.types.push_each(count, |_, out| {
            out.push(0x5f);
            leb(fields, out);
            (0..fields).for_each(|_| field(ValType::I32, true, out));
        });
        builder.usage.raise("struct-fields", fields);
        if self.0.is_used() {
            builder.usage.raise("const-expr-ops", 1);
            builder.globals.push_each(count, |k, out| {
                reference(k).encode(out);
                out.push(1);
                ConstExpr::ref_null(HeapType::Concrete(index(k))).encode(out);
            });
        }
        // Of each struct, first the making, then field after field.
        let steps = index(1 + fields);
        let uses = (count * (1 + fields)).min(OWN_FUNCTIONS_MAX);
        self.0.finish(builder, uses, |code, k| {
            let (ty, step) = (k / steps, k % steps);
            if step == 0 {
                push_ints(code, ty, fields);
                code.struct_new(ty).global_set(ty);
            } else {
                code.global_get(ty).global_get(ty).struct_get(ty, step - 1);
                code.i32_const(small(k)).i32_add().struct_set(ty, step - 1);
            }
        })
    }
}
