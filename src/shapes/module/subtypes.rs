//! Chains of subtypes.
//!
//! Finds what depends on depth: the display of supertypes that a cast looks into, subtype checks of
//! the validator that walk a chain.

use super::rec_groups::subject;
use super::{DIGITS, LITERAL_BYTES_MAX, MILLION, Use, count, digits, field, fit};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Shape, leb};
use wasm_encoder::{HeapType, ValType};

/// N chains of struct types of depth D; used by `ref.test` and `ref.cast`.
pub(crate) struct Subtypes(pub(crate) Use);

/// The first bytes of a type that may have subtypes, and of a struct type.
const SUB: u8 = 0x50;
const STRUCT: u8 = 0x5f;

impl Shape for Subtypes {
    fn id(&self) -> &'static str {
        self.0.pick(["subtypes", "subtypes-used", "subtypes-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N chains of subtypes of depth D",
            "N chains of subtypes and one function that tests for and casts to each type",
            "N chains of subtypes and for each type a function that tests for and casts to it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("chains", MILLION, 8),
            param("depth", "supertypes of the last type of a chain", 0, 64, 8),
            param("fields", "fields beyond the ten that tell chains apart", 0, 9_991, 1),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("subtype-depth", "depth"), axis("types", "count")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (fields, types) = (args.get("fields"), args.get("depth") + 1);
        let type_bytes = 10 + 2 * (DIGITS + fields) + self.0.pick([0, 0, 25]);
        let count = fit(args.get("count"), types * type_bytes, LITERAL_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        builder.proposals.insert(Proposal::Gc);
        builder.types.push_each(count * types, |k, out| {
            let (chain, depth) = (k / types, k % types);
            out.push(SUB);
            leb(depth.min(1), out);
            if depth > 0 {
                leb(k - 1, out);
            }
            out.push(STRUCT);
            leb(DIGITS + fields, out);
            digits(chain).for_each(|ty| field(ty, true, out));
            (0..fields).for_each(|_| field(ValType::I32, true, out));
        });
        if count > 0 {
            builder.usage.raise("subtype-depth", types - 1);
            builder.usage.raise("struct-fields", DIGITS + fields);
        }
        let subject = if self.0.is_used() { subject(&mut builder) } else { 0 };
        self.0.finish_sum(builder, count * types, |code, k| {
            code.global_get(subject).ref_test_non_null(HeapType::Concrete(k));
            code.global_get(subject).ref_cast_nullable(HeapType::Concrete(k));
            code.ref_is_null().i32_add();
        })
    }
}
