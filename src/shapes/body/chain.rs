//! An operator fed its own result, N times: one long dependency.
//!
//! Finds recursion over expression trees (instruction selection, rewriting, debug values): the last
//! operator reaches the first through N operands. Many short chains are the other end of the same
//! scale: as much work, and no depth.

use super::{Body, body_bytes};
use crate::ops::UnitKind;
use crate::shapes::{Args, Axis, FENCE, MEMORY64, Module, PAD, Param, Rope, Shape, VARIANTS};

/// `seed link link link ... sink`.
pub(crate) struct Chain;

impl Shape for Chain {
    fn id(&self) -> &'static str {
        "chain"
    }

    fn summary(&self) -> &'static str {
        "a link unit fed its own result N times, in one chain or several"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "length",
                summary: "links of each chain",
                min: 1,
                max: 8_000_000,
                default: 100,
            },
            Param {
                name: "count",
                summary: "chains, one after the other",
                min: 1,
                max: 2_000_000,
                default: 2,
            },
            VARIANTS,
            FENCE,
            MEMORY64,
            PAD,
        ];
        PARAMS
    }

    fn unit(&self) -> Option<UnitKind> {
        Some(UnitKind::Link)
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[body_bytes("length"), body_bytes("count")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let unit = args.unit();
        let mut chain = Rope::new();
        chain.push_with(|out| unit.encode_seed(&body.prelude, 0, out));
        chain.append(body.variants(args, args.get("length"), |prelude, k, out| {
            unit.encode(prelude, k, out);
        }));
        chain.push_with(|out| unit.encode_sink(&body.prelude, 0, out));
        body.code = Rope::repeat(chain, args.get("count"));
        body.finish(args)
    }
}
