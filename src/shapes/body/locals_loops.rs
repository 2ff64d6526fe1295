//! L locals written in the innermost of D nested loops: the product of two limits.
//!
//! Each local is a value at each loop header, so 50,000 locals and a few hundred loops are millions
//! of block parameters from a body of a few hundred kilobytes. Finds SSA construction, liveness and
//! register allocation that grow with the product.

use super::loops::{enter, leave};
use super::scalar::{Scalar, TYPE};
use super::{Body, axis, body_bytes};
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape};
use wasm_encoder::ValType;

/// `load set ... loop loop ... get const add set ... end end ... get store`.
pub(crate) struct LocalsLoops;

impl Shape for LocalsLoops {
    fn id(&self) -> &'static str {
        "locals-loops"
    }

    fn summary(&self) -> &'static str {
        "L locals that are written in the innermost of D nested loops"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "locals",
                summary: "locals, the one parameter not counted",
                min: 1,
                max: 700_000,
                default: 20,
            },
            Param { name: "loops", summary: "nested loops", min: 1, max: 2_000_000, default: 10 },
            TYPE,
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[axis("function-locals", "locals"), body_bytes("loops")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let (count, loops, scalar) = (args.get_u32("locals"), args.get("loops"), Scalar::of(args));
        let each = u64::from(count);
        body.builder.proposals.insert(scalar.proposal());
        body.memory();
        let condition = body.condition();
        let address = body.param(ValType::I32);
        let first = u64::from(body.locals(count, scalar.val_type()));
        let local = |k: u64| super::index(first + k);
        body.emit_each(each, |code, k| {
            scalar.load(code.local_get(address), k);
            code.local_set(local(k));
        });
        body.emit_repeat(loops, enter);
        body.emit_each(each, |code, k| {
            scalar.constant(code.local_get(local(k)), k);
            scalar.add(code);
            code.local_set(local(k));
        });
        body.emit_repeat(loops, |code| leave(condition, code));
        body.emit_each(each, |code, k| {
            scalar.store(code.local_get(address).local_get(local(k)), k);
        });
        body.builder.usage.raise("nesting-depth", loops);
        body.finish(args)
    }
}
