//! Blocks in blocks in blocks, with parameters and results.
//!
//! Finds recursion over control structure and what keeps a list per level: control frames, block
//! signatures, dominator trees, loop nests, and the handlers in force at a call.
//!
//! Parameters come from one call and results go to one call, so that a plain nest spends its whole
//! body on blocks: `nesting-depth` at its stress value is a body at its limit to the byte.

use super::{Body, axis, body_bytes, index, ints};
use crate::ops::Proposal;
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape};
use wasm_encoder::{BlockType, Catch, InstructionSink};

/// The parameter that chooses a [`Kind`].
const KIND: Param = Param {
    name: "kind",
    summary: "what is nested: 0 block, 1 loop without back edge, 2 if, 3 try_table",
    min: 0,
    max: 3,
    default: 0,
};

/// Tags that nested try_tables catch in turn.
const TAGS: u64 = 16;

/// Index of the type `[] -> []` of the content, which serves the tags too.
const CONTENT_TYPE: u64 = 0;

/// What is nested.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Block,
    Loop,
    If,
    TryTable,
}

impl Kind {
    fn of(args: &Args<'_>) -> Kind {
        match args.get(KIND.name) {
            0 => Kind::Block,
            1 => Kind::Loop,
            2 => Kind::If,
            _ => Kind::TryTable,
        }
    }
}

/// `block block block ... end end end`.
pub(crate) struct Nest;

impl Shape for Nest {
    fn id(&self) -> &'static str {
        "nest"
    }

    fn summary(&self) -> &'static str {
        "D nested blocks, loops, ifs or try_tables, with P parameters and R results each"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param { name: "depth", summary: "levels", min: 1, max: 2_600_000, default: 50 },
            KIND,
            Param {
                name: "params",
                summary: "parameters of each block",
                min: 0,
                max: 1_100,
                default: 0,
            },
            Param {
                name: "results",
                summary: "results of each block",
                min: 0,
                max: 1_100,
                default: 0,
            },
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const {
            &[
                axis("nesting-depth", "depth"),
                axis("block-params", "params"),
                axis("block-results", "results"),
                body_bytes("depth"),
            ]
        }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let (depth, kind) = (args.get("depth"), Kind::of(args));
        let (params, results) = (ints(args.get("params")), ints(args.get("results")));
        let content = body.import(&[], &[]);
        let make = (!params.is_empty()).then(|| body.import(&[], &params));
        let take = (!results.is_empty()).then(|| body.import(&results, &[]));
        let condition = (kind == Kind::If).then(|| body.condition());
        let ty = body.block_type(&params, &results);
        let adapt = |code: &mut InstructionSink<'_>| {
            (results.len()..params.len()).for_each(|_| _ = code.drop());
            (params.len()..results.len()).for_each(|_| _ = code.i32_const(1));
        };
        if kind == Kind::TryTable {
            body.emit(|code| _ = code.block(BlockType::Empty));
        }
        if let Some(make) = make {
            body.emit(|code| _ = code.call(make));
        }
        match kind {
            Kind::Block => body.emit_repeat(depth, |code| _ = code.block(ty)),
            Kind::Loop => body.emit_repeat(depth, |code| _ = code.loop_(ty)),
            Kind::If => body.emit_repeat(depth, |code| {
                condition.iter().for_each(|global| _ = code.global_get(*global));
                code.if_(ty);
            }),
            // Each leads to the one block around all of them, so the labels differ; none catches
            // all, or those further out could be left out.
            Kind::TryTable => {
                (0..TAGS).for_each(|_| _ = body.tag(CONTENT_TYPE));
                body.emit_each(depth, |code, level| {
                    let (tag, label) = (index(level % TAGS), index(level));
                    code.try_table(ty, [Catch::One { tag, label }]);
                });
            }
        }
        body.emit(|code| {
            adapt(code);
            code.call(content);
        });
        body.emit_repeat(depth, |code| {
            if kind == Kind::If && params.len() != results.len() {
                code.else_();
                adapt(code);
            }
            code.end();
        });
        if let Some(take) = take {
            body.emit(|code| _ = code.call(take));
        }
        if kind == Kind::TryTable {
            body.emit(|code| _ = code.end());
            body.builder.proposals.insert(Proposal::Exceptions);
            body.builder.usage.raise("catches", 1);
        }
        body.builder.usage.raise("nesting-depth", depth + u64::from(kind == Kind::TryTable));
        body.finish(args)
    }
}
