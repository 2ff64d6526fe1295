//! Recursion groups: many small ones, and one large one.
//!
//! Finds what canonicalisation costs: hashing and comparing of groups (quadratic once, in
//! wasm-tools issue 1952), and what walks a group for each of its members.

use super::{DIGITS, LITERAL_BYTES_MAX, MILLION, Use, count, digits, field, fit};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Shape, leb};
use wasm_encoder::{ConstExpr, HeapType, InstructionSink, RefType, ValType};

/// N recursion groups of M struct types; used by `ref.test`.
pub(crate) struct RecGroups(pub(crate) Use);

/// A struct type, and `sub` without `final`: the first bytes of each.
const STRUCT: u8 = 0x5f;

impl Shape for RecGroups {
    fn id(&self) -> &'static str {
        self.0.pick(["rec-groups", "rec-groups-used", "rec-groups-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N recursion groups of M struct types",
            "N recursion groups of M struct types and one function that tests for each type",
            "N recursion groups of M struct types and for each type a function that tests for it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("recursion groups", MILLION, 50),
            param(
                "size",
                "types of each group, which refer to each other in a ring",
                0,
                MILLION,
                1,
            ),
            param("distinct", "different groups before they repeat", 1, MILLION, MILLION),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("rec-groups", "count"), axis("types", "count")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        groups(self.0, args.get("count"), args.get("size"), args.get("distinct"), 1)
    }
}

/// One large recursion group, once or a few times; used by `ref.test`.
pub(crate) struct RecGroup(pub(crate) Use);

impl Shape for RecGroup {
    fn id(&self) -> &'static str {
        self.0.pick(["rec-group", "rec-group-used", "rec-group-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "a recursion group of N struct types",
            "a recursion group of N struct types and one function that tests for each",
            "a recursion group of N struct types and for each a function that tests for it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("types of the group, which refer to each other in rings", MILLION, 100),
            param("fields", "references of each type to those that follow it", 0, 10_001, 1),
            param("groups", "equal groups in a row", 1, 1_000, 1),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        // A used group is not alone in the module: types reach their limit before it does.
        const DECLARED: &[Axis] = &[axis("rec-group-types", "count"), axis("types", "count")];
        const USED: &[Axis] = &[axis("types", "count")];
        self.0.pick([DECLARED, USED, USED])
    }

    fn build(&self, args: &Args<'_>) -> Module {
        groups(self.0, args.get("groups"), args.get("count"), 1, args.get("fields"))
    }
}

/// `count` groups of `size` types, each with `refs` references to the types that follow in the
/// group.
fn groups(usage: Use, count: u64, size: u64, distinct: u64, refs: u64) -> Module {
    // A reference to a type takes six bytes at most, and a test for one sixteen.
    let type_bytes = 4 + 6 * refs + usage.pick([0, 0, 16]);
    let size = fit(size, type_bytes, LITERAL_BYTES_MAX);
    let group_bytes = 8 + 2 * DIGITS + size * type_bytes;
    let count = fit(count, group_bytes, LITERAL_BYTES_MAX);
    let mut builder = ModuleBuilder::new();
    builder.proposals.insert(Proposal::Gc);
    builder.rec_group_each(count, size, |group, out| {
        for member in 0..size {
            out.push(STRUCT);
            // The first member tells the group from others.
            let own = if member == 0 { DIGITS } else { 0 };
            leb(own + refs, out);
            if member == 0 {
                digits(group % distinct).for_each(|ty| field(ty, true, out));
            }
            for i in 0..refs {
                let next = group * size + (member + 1 + i) % size;
                field(reference(next), true, out);
            }
        }
    });
    if count > 0 && size > 0 {
        builder.usage.raise("struct-fields", DIGITS + refs);
    }
    finish_tests(usage, builder, count * size)
}

/// A nullable reference to type `ty`.
pub(super) fn reference(ty: u64) -> ValType {
    ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(index(ty)) })
}

/// The module in which each of the types `0..count` is tested for, on a reference that no compiler
/// knows.
pub(super) fn finish_tests(usage: Use, mut builder: ModuleBuilder, count: u64) -> Module {
    let subject = if usage.is_used() { subject(&mut builder) } else { 0 };
    usage.finish_sum(builder, count, |code: &mut InstructionSink<'_>, k| {
        code.global_get(subject).ref_test_non_null(HeapType::Concrete(k));
    })
}

/// Adds a global of any reference.
pub(super) fn subject(builder: &mut ModuleBuilder) -> u32 {
    index(builder.global(ValType::Ref(RefType::ANYREF), &ConstExpr::ref_null(HeapType::ANY)))
}
