//! An operand stack as high as a body can build it, then taken down again.
//!
//! Nobody limits the height of the operand stack. Finds lists that a validator or compiler copies
//! per instruction, values that all live at once, and frames too large for their offsets.

use super::{Body, axis, body_bytes, ints};
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape};

/// `push push push ... call take take take ...`.
pub(crate) struct OperandStack;

impl Shape for OperandStack {
    fn id(&self) -> &'static str {
        "operand-stack"
    }

    fn summary(&self) -> &'static str {
        "N pushes of W values each by calls, and none taken before all are there"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "pushes",
                summary: "calls that push",
                min: 1,
                max: 2_000_000,
                default: 20,
            },
            Param { name: "width", summary: "values of each push", min: 1, max: 1_100, default: 4 },
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const {
            &[
                axis("operand-stack", "pushes"),
                body_bytes("pushes"),
                axis("function-results", "width"),
                axis("function-params", "width"),
            ]
        }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let (pushes, width) = (args.get("pushes"), args.get("width"));
        let types = ints(width);
        let push = body.import(&[], &types);
        let take = body.import(&types, &[]);
        let pause = body.import(&[], &[]);
        body.emit_repeat(pushes, |code| _ = code.call(push));
        body.emit(|code| _ = code.call(pause));
        body.emit_repeat(pushes, |code| _ = code.call(take));
        body.builder.usage.raise("operand-stack", pushes * width);
        body.finish(args)
    }
}
