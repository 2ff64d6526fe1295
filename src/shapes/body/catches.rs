//! M try_tables with N catch clauses each.
//!
//! Finds what is copied per call inside a try: exception tables, edges from one call to N
//! handlers, and landing pads that merge.

use super::{Body, axis, body_bytes, index};
use crate::ops::Proposal;
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape};
use wasm_encoder::{BlockType, Catch};

/// `block try_table (catch ...) call end end`, M times.
pub(crate) struct Catches;

impl Shape for Catches {
    fn id(&self) -> &'static str {
        "catches"
    }

    fn summary(&self) -> &'static str {
        "M try_tables with N catch clauses over T tags, around one call each"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "clauses",
                summary: "catch clauses of each try_table",
                min: 0,
                max: 100_000,
                default: 20,
            },
            Param { name: "tries", summary: "try_tables", min: 1, max: 1_000_000, default: 10 },
            Param {
                name: "tags",
                summary: "different tags before they repeat",
                min: 1,
                max: 100_000,
                default: 100_000,
            },
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[axis("catches", "clauses"), body_bytes("tries")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let clauses = args.get("clauses");
        let tags = args.get("tags").min(clauses.max(1));
        let callee = body.import(&[], &[]);
        // The callee's type, [] -> [], serves the tags too.
        (0..tags).for_each(|_| _ = body.tag(0));
        body.emit_repeat(args.get("tries"), |code| {
            let catches =
                (0..index(clauses)).map(|k| Catch::One { tag: k % index(tags), label: 0 });
            code.block(BlockType::Empty).try_table(BlockType::Empty, catches);
            code.call(callee).end().end();
        });
        body.builder.proposals.insert(Proposal::Exceptions);
        body.builder.usage.raise("catches", clauses);
        body.builder.usage.raise("nesting-depth", 2);
        body.finish(args)
    }
}
