//! A balanced tree of operator joins, N times.
//!
//! Finds what walks expressions in both directions: instruction selection that sinks operands,
//! schedulers, and the operand stack of single-pass compilers, which is as high as the tree.

use super::{Body, body_bytes, cycle};
use crate::ops::UnitKind;
use crate::shapes::{Args, Axis, FENCE, MEMORY64, Module, PAD, Param, Rope, Shape, VARIANTS};

/// `(leaf leaf join) (leaf leaf join) join ... sink`.
pub(crate) struct Tree;

impl Shape for Tree {
    fn id(&self) -> &'static str {
        "tree"
    }

    fn summary(&self) -> &'static str {
        "balanced trees of a join unit over loaded leaves"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "depth",
                summary: "joins from leaf to root; 2^depth leaves",
                min: 1,
                max: 22,
                default: 6,
            },
            Param {
                name: "count",
                summary: "trees, one after the other",
                min: 1,
                max: 4_000_000,
                default: 4,
            },
            VARIANTS,
            FENCE,
            MEMORY64,
            PAD,
        ];
        PARAMS
    }

    fn unit(&self) -> Option<UnitKind> {
        Some(UnitKind::Join)
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[body_bytes("count"), body_bytes("depth")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let unit = args.unit();
        let depth = args.get_u32("depth");
        let distinct = depth.min(args.get(VARIANTS.name).ilog2());
        let leaves = 1u64 << distinct;
        // In post-order, as many joins follow a leaf as its number ends in ones.
        let mut tree = cycle(leaves, leaves, |leaf, rope| {
            rope.push_with(|out| {
                unit.encode_seed(&body.prelude, leaf, out);
                for level in 0..leaf.trailing_ones() {
                    unit.encode(&body.prelude, leaf + level, out);
                }
            });
        });
        let fence = body.fence(args, depth > distinct || args.get("count") > 1);
        tree.push(&fence);
        for level in distinct..depth {
            tree = Rope::repeat(tree, 2);
            tree.push_with(|out| unit.encode(&body.prelude, level, out));
        }
        tree.push_with(|out| unit.encode_sink(&body.prelude, 0, out));
        body.code = Rope::repeat(tree, args.get("count"));
        body.finish(args)
    }
}
