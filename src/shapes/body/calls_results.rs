//! N calls of R results each: a call of 2 bytes that makes up to 1,000 values.
//!
//! The body limit does not bound the work of a compiler, because bytes do not bound values. 2,200
//! calls of 1,000 results were too many values for one function in Wasmtime 14 to 42.

use super::{Body, axis, body_bytes, ints};
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape};

/// The parameter for what becomes of the results.
const CONSUME: Param = Param {
    name: "consume",
    summary: "0 nobody takes them before an unreachable, 1 a call takes them at once",
    min: 0,
    max: 1,
    default: 1,
};

/// `call call call ... unreachable` or `call take call take ...`.
pub(crate) struct CallsResults;

impl Shape for CallsResults {
    fn id(&self) -> &'static str {
        "calls-results"
    }

    fn summary(&self) -> &'static str {
        "N calls with R results each, taken by a call at once or left at an unreachable"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param { name: "calls", summary: "calls", min: 1, max: 4_000_000, default: 20 },
            Param {
                name: "results",
                summary: "results of each call",
                min: 0,
                max: 1_100,
                default: 50,
            },
            CONSUME,
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[body_bytes("calls"), axis("function-results", "results")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let (calls, results) = (args.get("calls"), args.get("results"));
        let types = ints(results);
        let make = body.import(&[], &types);
        if args.get(CONSUME.name) == 1 {
            let take = body.import(&types, &[]);
            body.emit_repeat(calls, |code| _ = code.call(make).call(take));
            body.builder.usage.raise("operand-stack", results);
        } else {
            body.emit_repeat(calls, |code| _ = code.call(make));
            body.emit(|code| _ = code.unreachable());
            body.builder.usage.raise("operand-stack", calls * results);
        }
        body.finish(args)
    }
}
