//! A function of many parameters and results that is called from Wasm and from outside.
//!
//! Finds arguments and results that are lost, swapped or overwritten between registers and the stack,
//! in calls and in the trampolines that lead into the module.

use super::{axis, code, index};
use crate::ops::Proposal;
use crate::promises::{End, Promise};
use crate::shapes::parts::param;
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape};
use wasm_encoder::ValType;

/// A function of P parameters and R results, and one that calls it and adds all results up.
pub(crate) struct WideCalls;

impl Shape for WideCalls {
    fn id(&self) -> &'static str {
        "wide-calls"
    }

    fn summary(&self) -> &'static str {
        "a function of P parameters and R results that is called from inside and outside"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("params", "parameters", 0, 1_001, 10),
            param("results", "results, each a parameter and its own place added", 0, 1_001, 10),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[axis("function-params", "params"), axis("function-results", "results")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (params, results) = (args.get("params"), args.get("results"));
        let numbers =
            |count: u64| vec![ValType::I64; usize::from(u16::try_from(count).unwrap_or(0))];
        let mut builder = ModuleBuilder::new();
        builder.proposals.extend((results > 1).then_some(Proposal::MultiValue));
        let wide_type = builder.func_type(&numbers(params), &numbers(results));
        let run_type = builder.func_type(&[], &[ValType::I64]);
        let body = code(|code| {
            for result in 0..index(results) {
                code.i64_const(result.into());
                if params > 0 {
                    code.local_get(result % index(params)).i64_add();
                }
            }
        });
        let wide = builder.function(wide_type, params, &[], Rope::from(body));
        builder.export_function(b"wide", wide, params + results);
        let body = code(|code| {
            (0..params).for_each(|k| _ = code.i64_const(argument(k)));
            code.call(index(wide));
            (1..results).for_each(|_| _ = code.i64_add());
            if results == 0 {
                code.i64_const(0);
            }
        });
        let run = builder.function(run_type, 0, &[], Rope::from(body));
        builder.export_function(b"run", run, 1);
        let of = |result: u64| match params {
            0 => result.cast_signed(),
            params => result.cast_signed() + argument(result % params),
        };
        let values: Vec<i64> = (0..results).map(of).collect();
        builder.promises = vec![
            Promise::returns("run", values.iter().sum()),
            Promise {
                export: "wide".to_owned(),
                arguments: (0..params).map(argument).collect(),
                ends: vec![End::Returns(values)],
            },
        ];
        builder.finish()
    }
}

/// The k-th argument: others differ from it in more than their low bits.
fn argument(k: u64) -> i64 {
    (k + 1).cast_signed() * 0x1_0000_0001
}
