//! A function with P parameters that passes all of them on, N times.
//!
//! Finds what grows with parameters times call sites: parameters arrive in registers and on the
//! stack, live through the whole body, and are copied to the argument area of each call.

use super::scalar::{Scalar, TYPE};
use super::{Body, axis, body_bytes, index};
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape};

/// `local.get 0 local.get 1 ... call`, N times.
pub(crate) struct ParamsForward;

impl Shape for ParamsForward {
    fn id(&self) -> &'static str {
        "params-forward"
    }

    fn summary(&self) -> &'static str {
        "a function with P parameters that forwards all of them N times"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param { name: "params", summary: "parameters", min: 0, max: 1_100, default: 20 },
            Param {
                name: "calls",
                summary: "forwarding calls",
                min: 1,
                max: 4_000_000,
                default: 20,
            },
            TYPE,
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[axis("function-params", "params"), body_bytes("calls")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let (params, scalar) = (args.get("params"), Scalar::of(args));
        body.builder.proposals.insert(scalar.proposal());
        let types: Vec<_> = (0..params).map(|_| scalar.val_type()).collect();
        let callee = body.import(&types, &[]);
        types.iter().for_each(|ty| _ = body.param(*ty));
        body.emit_repeat(args.get("calls"), |code| {
            (0..params).for_each(|k| _ = code.local_get(index(k)));
            code.call(callee);
        });
        body.builder.usage.raise("operand-stack", params);
        body.finish(args)
    }
}
