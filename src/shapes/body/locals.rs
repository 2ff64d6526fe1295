//! L locals, used in one of several ways.
//!
//! Locals cost nothing in bytes and something in every compiler: a zero, a slot, a value per block.
//! How they are used decides which part pays: SSA construction for those written in a loop, the
//! register allocator for those alive to the end, debug information for all.

use super::loops::{enter, leave};
use super::scalar::{Scalar, TYPE};
use super::{Body, axis, body_bytes};
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape};
use wasm_encoder::ValType;

/// The parameter that chooses how locals are used.
const PATTERN: Param = Param {
    name: "pattern",
    summary: "0 untouched, 1 set and used once, 2 alive to the end, 3 written in a loop",
    min: 0,
    max: 3,
    default: 2,
};

/// The parameter for how many parameters the function has.
const PARAMETERS: Param = Param {
    name: "params",
    summary: "parameters; one at least where locals are used",
    min: 0,
    max: 1_001,
    default: 1,
};

/// Locals, and one of the patterns.
pub(crate) struct Locals;

impl Shape for Locals {
    fn id(&self) -> &'static str {
        "locals"
    }

    fn summary(&self) -> &'static str {
        "L locals: untouched, set once, alive to the end, or written in a loop"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "locals",
                summary: "locals, parameters not counted",
                min: 1,
                max: 700_000,
                default: 100,
            },
            PATTERN,
            TYPE,
            PAD,
            PARAMETERS,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[axis("function-locals", "locals"), body_bytes("pad")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let (count, scalar) = (args.get_u32("locals"), Scalar::of(args));
        let each = u64::from(count);
        body.builder.proposals.insert(scalar.proposal());
        body.memory();
        let callee = body.import(&[], &[]);
        let condition = body.condition();
        let pattern = args.get(PATTERN.name);
        let address = 0;
        let params = args.get(PARAMETERS.name).max(u64::from(pattern > 0));
        (0..params).for_each(|_| _ = body.param(ValType::I32));
        let first = u64::from(body.locals(count, scalar.val_type()));
        let local = |k: u64| super::index(first + k);
        if pattern == 1 {
            body.emit_each(each, |code, k| {
                scalar.load(code.local_get(address), k);
                code.local_set(local(k)).local_get(address).local_get(local(k));
                scalar.store(code, k + 1);
            });
        }
        if pattern >= 2 {
            body.emit_each(each, |code, k| {
                scalar.load(code.local_get(address), k);
                code.local_set(local(k));
            });
            if pattern == 3 {
                body.emit(enter);
                body.emit_each(each, |code, k| {
                    scalar.constant(code.local_get(local(k)), k);
                    scalar.add(code);
                    code.local_set(local(k));
                });
                body.emit(|code| leave(condition, code));
            }
            body.emit(|code| _ = code.call(callee));
            body.emit_each(each, |code, k| {
                scalar.store(code.local_get(address).local_get(local(k)), k);
            });
        }
        body.finish(args)
    }
}
