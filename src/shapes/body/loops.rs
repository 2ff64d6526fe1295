//! Nests of real loops: each level has a back edge.
//!
//! Finds what iterates over loops: loop analysis, liveness to a fixed point, interrupt checks at
//! each header (11,000 nested loops with epochs are a published slow case).

use super::{Body, body_bytes, code, cycle};
use crate::ops::UnitKind;
use crate::shapes::{Args, Axis, FENCE, MEMORY64, Module, PAD, Param, Rope, Shape, VARIANTS};
use wasm_encoder::{BlockType, InstructionSink};

/// The start of a loop without parameters.
pub(crate) fn enter(code: &mut InstructionSink<'_>) {
    code.loop_(BlockType::Empty);
}

/// The end of a loop that goes round again while a global is not 0.
pub(crate) fn leave(condition: u32, code: &mut InstructionSink<'_>) {
    code.global_get(condition).br_if(0).end();
}

/// `loop loop loop ... unit ... br_if end br_if end br_if end`, several times.
pub(crate) struct Loops;

impl Shape for Loops {
    fn id(&self) -> &'static str {
        "loops"
    }

    fn summary(&self) -> &'static str {
        "nests of D loops with back edges around a unit, N nests in a row"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "depth",
                summary: "loops in each nest",
                min: 1,
                max: 2_000_000,
                default: 20,
            },
            Param { name: "count", summary: "nests", min: 1, max: 2_000_000, default: 4 },
            VARIANTS,
            FENCE,
            MEMORY64,
            PAD,
        ];
        PARAMS
    }

    fn unit(&self) -> Option<UnitKind> {
        Some(UnitKind::Closed)
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[body_bytes("depth"), body_bytes("count")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let (unit, depth) = (args.unit(), args.get("depth"));
        let condition = body.condition();
        let enters = Rope::repeat(code(enter), depth);
        let leaves = Rope::repeat(code(|code| leave(condition, code)), depth);
        let (count, variants) = (args.get("count"), args.get(VARIANTS.name));
        let fence = body.fence(args, count > variants);
        body.code = cycle(count, variants, |k, rope| {
            rope.append(enters.clone());
            rope.push_with(|out| unit.encode(&body.prelude, k, out));
            rope.append(leaves.clone());
            if u64::from(k) + 1 == variants {
                rope.push(&fence);
            }
        });
        body.finish(args)
    }
}
