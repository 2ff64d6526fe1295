//! N calls with P parameters and R results, of every kind.
//!
//! Finds what grows with signatures and call sites: argument and result moves, stack areas for
//! arguments, clobbers, relocations, and the frame changes of tail calls.

use super::{Body, axis, body_bytes, index, ints};
use crate::ops::Proposal;
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape, leb};
use wasm_encoder::{BlockType, HeapType, InstructionSink, RefType, ValType};

/// Parameters of the caller that arguments are taken from in turn.
const SOURCES: u64 = 8;

/// The parameter that chooses a [`Kind`].
const KIND: Param = Param {
    name: "kind",
    summary: "0 direct, 1 indirect, 2 by reference, 3 tail (one in each of N ifs), 4 imported",
    min: 0,
    max: 4,
    default: 0,
};

/// How the callee is named.
#[derive(Clone, Copy)]
enum Kind {
    Direct,
    Indirect,
    Reference,
    Tail,
    Imported,
}

impl Kind {
    fn of(args: &Args<'_>) -> Kind {
        match args.get(KIND.name) {
            0 => Kind::Direct,
            1 => Kind::Indirect,
            2 => Kind::Reference,
            3 => Kind::Tail,
            _ => Kind::Imported,
        }
    }
}

/// `args call sinks args call sinks ...`.
pub(crate) struct Calls;

impl Shape for Calls {
    fn id(&self) -> &'static str {
        "calls"
    }

    fn summary(&self) -> &'static str {
        "N calls with P parameters and R results: direct, indirect, by reference, tail, imported"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param { name: "count", summary: "calls", min: 1, max: 4_000_000, default: 50 },
            Param {
                name: "params",
                summary: "parameters of the callee",
                min: 0,
                max: 1_100,
                default: 4,
            },
            Param {
                name: "results",
                summary: "results of the callee",
                min: 0,
                max: 1_100,
                default: 2,
            },
            KIND,
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const {
            &[
                body_bytes("count"),
                axis("function-params", "params"),
                axis("function-results", "results"),
            ]
        }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let (count, kind) = (args.get("count"), Kind::of(args));
        let (params, results) = (args.get("params"), args.get("results"));
        let callee = Callee::declare(&mut body, kind, &ints(params), &ints(results));
        let sink = body.condition();
        (0..SOURCES).for_each(|_| _ = body.param(ValType::I32));
        let arguments = |code: &mut InstructionSink<'_>| {
            (0..params).for_each(|k| _ = code.local_get(index(k % SOURCES)));
        };
        match kind {
            Kind::Tail => {
                body.results = ints(results);
                body.emit_repeat(count, |code| {
                    arguments(code.global_get(sink).if_(BlockType::Empty));
                    code.return_call(callee.function).end();
                });
                body.emit_each(results, |code, k| _ = code.i32_const(index(k).cast_signed()));
                body.builder.usage.raise("nesting-depth", 1);
            }
            Kind::Direct | Kind::Indirect | Kind::Reference | Kind::Imported => {
                let reference = callee.reference.map(|ty| body.param(ty));
                body.emit_repeat(count, |code| {
                    arguments(code);
                    callee.call(kind, reference, code);
                    (0..results).for_each(|_| _ = code.global_set(sink));
                });
            }
        }
        body.finish(args)
    }
}

/// The function that is called, and what it takes to name it.
struct Callee {
    ty: u32,
    function: u32,
    /// Type of the caller's parameter that holds a reference to it.
    reference: Option<ValType>,
}

impl Callee {
    fn declare(body: &mut Body, kind: Kind, params: &[ValType], results: &[ValType]) -> Callee {
        let ty = index(body.builder.next_type());
        if let Kind::Imported = kind {
            return Callee { ty, function: body.import(params, results), reference: None };
        }
        body.builder.func_type(params, results);
        let code = super::code(|code| {
            (0..results.len()).for_each(|_| _ = code.i32_const(1));
        });
        let count = params.len() as u64;
        let function = index(body.builder.function(ty.into(), count, &[], code.into()));
        let mut reference = None;
        match kind {
            Kind::Direct | Kind::Imported => {}
            Kind::Tail => _ = body.builder.proposals.insert(Proposal::TailCall),
            Kind::Indirect => {
                // A table of one funcref, with an active segment that fills it.
                body.builder.tables.push(&[0x70, 0x00, 0x01]);
                let mut segment = vec![0x00, 0x41, 0x00, 0x0b, 0x01];
                leb(function.into(), &mut segment);
                body.builder.elements.push(&segment);
                body.builder.usage.raise("segment-entries", 1);
                body.builder.usage.raise("table-entries", 1);
            }
            Kind::Reference => {
                body.builder.proposals.insert(Proposal::FunctionReferences);
                let heap_type = HeapType::Concrete(ty);
                reference = Some(ValType::Ref(RefType { nullable: true, heap_type }));
            }
        }
        Callee { ty, function, reference }
    }

    fn call(&self, kind: Kind, reference: Option<u32>, code: &mut InstructionSink<'_>) {
        match kind {
            Kind::Direct | Kind::Imported | Kind::Tail => code.call(self.function),
            // The first argument serves as the index: only the one entry 0 does not trap.
            Kind::Indirect => code.local_get(0).call_indirect(0, self.ty),
            Kind::Reference => {
                let local = reference.expect("declared for this kind");
                code.local_get(local).call_ref(self.ty)
            }
        };
    }
}
