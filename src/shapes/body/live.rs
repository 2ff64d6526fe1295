//! K values live across M calls.
//!
//! Finds the cost of liveness: every call clobbers registers, so every value is spilled, and the
//! bundles, spill ranges and stack maps of K values meet at M program points.

use super::{Body, body_bytes, cycle};
use crate::ops::UnitKind;
use crate::shapes::{Args, Axis, FENCE, MEMORY64, Module, PAD, Param, Shape, VARIANTS};

/// `seed link seed link ... call call ... sink sink ...`.
pub(crate) struct Live;

impl Shape for Live {
    fn id(&self) -> &'static str {
        "live"
    }

    fn summary(&self) -> &'static str {
        "K values of a link unit on the stack, M calls, then all values sunk"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "values",
                summary: "values that live across all calls",
                min: 1,
                max: 4_000_000,
                default: 50,
            },
            Param {
                name: "calls",
                summary: "calls between the making and the sinking of the values",
                min: 0,
                max: 4_000_000,
                default: 20,
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
        const { &[body_bytes("values"), body_bytes("calls")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let unit = args.unit();
        let callee = body.import(&[], &[]);
        let values = args.get("values");
        body.code = body.variants(args, values, |prelude, k, out| {
            unit.encode_seed(prelude, k, out);
            unit.encode(prelude, k, out);
        });
        body.emit_repeat(args.get("calls"), |code| {
            code.call(callee);
        });
        let sinks = cycle(values, args.get(VARIANTS.name), |k, rope| {
            rope.push_with(|out| unit.encode_sink(&body.prelude, k, out));
        });
        body.code.append(sinks);
        body.finish(args)
    }
}
