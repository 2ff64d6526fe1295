//! N ifs in a row, with P values merged after each.
//!
//! Finds what grows with joins: SSA construction, block parameters, parallel moves on edges,
//! dominance, jump distances. The arm replaces all P values by one call, so a diamond of a few
//! bytes merges up to 1,000 values.

use super::values::Values;
use super::{Body, axis, body_bytes};
use crate::ops::UnitKind;
use crate::shapes::{Args, Axis, FENCE, MEMORY64, Module, PAD, Param, Shape, VARIANTS};
use wasm_encoder::InstructionSink;

/// `if unit end if unit end if unit end ...`.
pub(crate) struct Diamonds;

impl Shape for Diamonds {
    fn id(&self) -> &'static str {
        "diamonds"
    }

    fn summary(&self) -> &'static str {
        "N ifs in a row around a unit, with P values merged after each"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param { name: "count", summary: "ifs", min: 1, max: 2_000_000, default: 50 },
            Param {
                name: "params",
                summary: "values that go through each if",
                min: 0,
                max: 1_100,
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
        Some(UnitKind::Closed)
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[body_bytes("count"), axis("block-params", "params")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let unit = args.unit();
        let values = Values::import(&mut body, args.get("params"));
        let condition = body.condition();
        body.emit(|code| values.make(code));
        let diamonds = body.variants(args, args.get("count"), |prelude, k, out| {
            InstructionSink::new(out).global_get(condition).if_(values.block);
            unit.encode(prelude, k, out);
            let mut code = InstructionSink::new(out);
            values.change(&mut code);
            code.end();
        });
        body.code.append(diamonds);
        body.emit(|code| values.take(code));
        body.finish(args)
    }
}
