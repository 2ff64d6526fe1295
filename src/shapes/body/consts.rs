//! N distinct constants of one type.
//!
//! Finds limits of constant pools and of what reaches them: 65,536 distinct `v128.const` once
//! overflowed the pool's numbering on aarch64. Two ways to use them: stored one by one, or summed,
//! so that all are operands of one expression.

use super::scalar::{CONSTANTS, Scalar, TYPE};
use super::{Body, body_bytes};
use crate::shapes::{Args, Axis, Module, PAD, Param, Rope, Shape};
use wasm_encoder::{InstructionSink, ValType};

/// Most constants that a recipe can ask for: more than a body holds of any type.
const COUNT_MAX: u64 = 1_600_000;
const _: () = assert!(COUNT_MAX < CONSTANTS as u64, "all constants differ");

/// The parameter for what becomes of the constants.
const USE: Param = Param {
    name: "use",
    summary: "0 each stored to memory, 1 all added to one sum",
    min: 0,
    max: 1,
    default: 0,
};

/// `const store const store ...`.
pub(crate) struct Consts;

impl Shape for Consts {
    fn id(&self) -> &'static str {
        "consts"
    }

    fn summary(&self) -> &'static str {
        "N constants of one type, of which D are distinct"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param { name: "count", summary: "constants", min: 1, max: COUNT_MAX, default: 100 },
            Param {
                name: "distinct",
                summary: "different constants before they repeat",
                min: 1,
                max: COUNT_MAX,
                default: COUNT_MAX,
            },
            TYPE,
            USE,
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[body_bytes("count")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let (scalar, seed) = (Scalar::of(args), args.seed());
        body.builder.proposals.insert(scalar.proposal());
        body.memory();
        let address = body.param(ValType::I32);
        let sum = body.locals(1, scalar.val_type());
        let summed = args.get(USE.name) == 1;
        let piece = |k: u32, rope: &mut Rope| {
            rope.push_with(|out| {
                let mut code = InstructionSink::new(out);
                let k = u64::from(k);
                code.local_get(if summed { sum } else { address });
                scalar.constant(&mut code, seed.wrapping_add(k));
                if summed {
                    scalar.add(&mut code);
                    code.local_set(sum);
                } else {
                    scalar.store(&mut code, k);
                }
            });
        };
        body.code = super::cycle(args.get("count"), args.get("distinct"), piece);
        body.emit(|code| {
            scalar.store(code.local_get(address).local_get(sum), 0);
        });
        body.finish(args)
    }
}
