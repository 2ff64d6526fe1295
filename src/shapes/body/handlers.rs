//! M resumptions with N effect handlers each.
//!
//! Finds what grows with the handler list of a `resume`: handler tables, edges to N labels, and
//! the values that arrive there.

use super::{Body, axis, body_bytes, index};
use crate::ops::Proposal;
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape, leb};
use wasm_encoder::{Handle, HeapType, RefType, ValType};

/// Type constructor of a continuation.
const CONT: u8 = 0x5d;

/// `block (resume (on tag label) ...) end drop`, M times.
pub(crate) struct Handlers;

impl Shape for Handlers {
    fn id(&self) -> &'static str {
        "handlers"
    }

    fn summary(&self) -> &'static str {
        "M resumptions of a continuation with N handlers over T tags"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "handlers",
                summary: "handlers of each resume",
                min: 0,
                max: 100_000,
                default: 20,
            },
            Param { name: "resumes", summary: "resumes", min: 1, max: 1_000_000, default: 10 },
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
        const { &[axis("handlers", "handlers"), body_bytes("resumes")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let handlers = args.get("handlers");
        let tags = args.get("tags").min(handlers.max(1));
        let function = body.builder.func_type(&[], &[]);
        let continuation = index(body.builder.next_type());
        let mut item = vec![CONT];
        leb(function, &mut item);
        body.builder.types.push(&item);
        let heap_type = HeapType::Concrete(continuation);
        let reference = ValType::Ref(RefType { nullable: true, heap_type });
        (0..tags).for_each(|_| _ = body.tag(function));
        let local = body.param(reference);
        let block = body.block_type(&[], &[reference]);
        body.emit_repeat(args.get("resumes"), |code| {
            let handlers =
                (0..index(handlers)).map(|k| Handle::OnLabel { tag: k % index(tags), label: 0 });
            // A handler leaves the rest of the continuation behind, a return leaves null.
            code.block(block).local_get(local).resume(continuation, handlers);
            code.ref_null(heap_type).end().local_set(local);
        });
        body.builder.proposals.insert(Proposal::StackSwitching);
        body.builder.usage.raise("handlers", handlers);
        body.builder.usage.raise("nesting-depth", 1);
        body.finish(args)
    }
}
