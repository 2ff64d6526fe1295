//! A closed unit, N times: the plainest way to fill a body.
//!
//! Finds what grows with the number of instructions: register allocation, constant pools, jump
//! distances, limits of the intermediate representation.

use super::{Body, body_bytes};
use crate::ops::UnitKind;
use crate::shapes::{Args, Axis, FENCE, MEMORY64, Module, PAD, Param, Shape, VARIANTS};

/// `unit unit unit ...` in one function.
pub(crate) struct Repeat;

impl Shape for Repeat {
    fn id(&self) -> &'static str {
        "repeat"
    }

    fn summary(&self) -> &'static str {
        "one function that runs a unit N times"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "count",
                summary: "copies of the unit",
                min: 1,
                max: 8_000_000,
                default: 100,
            },
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
        const { &[body_bytes("count")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let unit = args.unit();
        body.code = body.variants(args, args.get("count"), |prelude, k, out| {
            unit.encode(prelude, k, out);
        });
        body.finish(args)
    }
}
