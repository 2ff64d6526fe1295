//! Long constant expressions.
//!
//! Finds what evaluates or compiles an initial value with recursion or without a bound: nobody
//! limits how long a constant expression is, how high its stack, how deep what it makes.

use super::rec_groups::reference;
use super::{MODULE_BYTES_MAX, Use, field, fit};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, code, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape};
use wasm_encoder::{HeapType, InstructionSink, RefType, ValType};

/// N globals whose initial values take M operators; used by reading them.
pub(crate) struct ConstExprs(pub(crate) Use);

/// The only type of those kinds that make objects: a struct or array of one reference.
const NODE: u32 = 0;

impl Shape for ConstExprs {
    fn id(&self) -> &'static str {
        self.0.pick(["const-exprs", "const-exprs-used", "const-exprs-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N globals with initial values of M operators",
            "N globals with initial values of M operators and one function that reads each",
            "N globals with initial values of M operators and for each a function that reads it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("ops", "operators, one more or less where a sum needs it", 1, 1_000_001, 101),
            param("count", "globals", 1, 100_000, 2),
            param("kind", "0 sum as a chain, 1 sum of a full stack, 2 structs, 3 arrays", 0, 3, 0),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("const-expr-ops", "ops")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (ops, kind) = (args.get("ops"), args.get("kind"));
        let count = fit(args.get("count"), 8 + 4 * ops, MODULE_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        let sum = kind < 2;
        builder.proposals.extend((sum && ops > 1).then_some(Proposal::ExtendedConst));
        if !sum {
            builder.proposals.insert(Proposal::Gc);
            let mut node = if kind == 2 { vec![0x5f, 0x01] } else { vec![0x5e] };
            field(ValType::Ref(RefType::ANYREF), true, &mut node);
            builder.types.push(&node);
            builder.usage.raise("struct-fields", u64::from(kind == 2));
            builder.usage.raise("array-operands", u64::from(kind == 3 && ops > 1));
        }
        let (mut init, ops) = expression(kind, ops);
        init.push(&[0x0b]);
        let ty = if sum { ValType::I32 } else { reference(NODE.into()) };
        builder.global_repeat(ty, false, init, ops, count);
        self.0.finish_sum(builder, count, |code, k| {
            code.global_get(k);
            if !sum {
                code.ref_is_null();
            }
        })
    }
}

/// An expression of about `ops` operators, and how many they are.
fn expression(kind: u64, ops: u64) -> (Rope, u64) {
    let piece = |write: fn(&mut InstructionSink<'_>)| Rope::from(code(write));
    let constant = piece(|code| {
        code.i32_const(1);
    });
    let add = piece(|code| {
        code.i32_add();
    });
    let mut rope = Rope::new();
    let pairs = (ops - 1) / 2;
    match kind {
        0 => {
            rope.append(constant.clone());
            let mut pair = constant;
            pair.append(add);
            rope.push_repeat(pair, pairs);
            (rope, 1 + 2 * pairs)
        }
        1 => {
            rope.push_repeat(constant, 1 + pairs);
            rope.push_repeat(add, pairs);
            (rope, 1 + 2 * pairs)
        }
        _ => {
            rope.append(piece(|code| {
                code.ref_null(HeapType::Concrete(NODE));
            }));
            let wrap: fn(&mut InstructionSink<'_>) = if kind == 2 {
                |code| {
                    code.struct_new(NODE);
                }
            } else {
                |code| {
                    code.array_new_fixed(NODE, 1);
                }
            };
            rope.push_repeat(piece(wrap), ops - 1);
            (rope, ops)
        }
    }
}
