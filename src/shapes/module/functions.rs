//! Functions of a size, many of them.
//!
//! Finds what is done for each function: the cost of starting a compilation, relocations of calls,
//! tables that grow with functions, code that no near jump reaches across.

use super::{LITERAL_BYTES_MAX, MILLION, MODULE_BYTES_MAX, Use, count, fit, small, sum};
use crate::shapes::parts::{axis, code, cycle, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape};

/// N functions of B bytes; used by `call`.
pub(crate) struct Functions(pub(crate) Use);

/// The count of local declarations, and `end`.
const EMPTY_BODY_BYTES: u64 = 2;

impl Shape for Functions {
    fn id(&self) -> &'static str {
        self.0.pick(["functions", "functions-used", "functions-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N functions of B bytes",
            "N functions of B bytes and one that calls each",
            "N functions of B bytes, each of which calls its neighbour if its size allows",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("functions", MILLION, 8),
            param("bytes", "bytes of each body", EMPTY_BODY_BYTES, 7_654_322, 32),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("functions", "count"), axis("function-body-bytes", "bytes")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (count, bytes) = (args.get("count"), args.get("bytes"));
        if self.0 == Use::OwnFunctions {
            return neighbours(count, bytes);
        }
        let (builder, count) = bodies(count, bytes);
        self.0.finish(builder, count, |code, k| {
            code.call(k);
        })
    }
}

/// A module of `count` equal functions without parameters and results whose bodies have `bytes`
/// bytes; and how many there are, for they are cut at a size past that of any module.
pub(super) fn bodies(count: u64, bytes: u64) -> (ModuleBuilder, u64) {
    let count = fit(count, bytes, MODULE_BYTES_MAX);
    let mut builder = ModuleBuilder::new();
    let ty = builder.func_type(&[], &[]);
    let sum = sum(&mut builder);
    builder.function_repeat(ty, 0, &[], filled(bytes - EMPTY_BODY_BYTES, sum), count);
    (builder, count)
}

/// Functions that differ: each calls the next, the last one nobody.
fn neighbours(count: u64, bytes: u64) -> Module {
    let count = fit(count, bytes + 8, LITERAL_BYTES_MAX);
    let mut builder = ModuleBuilder::new();
    let ty = builder.func_type(&[], &[]);
    let sum = sum(&mut builder);
    let content = usize::try_from(bytes - EMPTY_BODY_BYTES).expect("a body fits in memory");
    // The call comes last, behind as many whole steps and `nop` as leave it room.
    let fills: Vec<Vec<u8>> =
        (0..=CALL_BYTES_MAX).map(|call| filled_behind(content, call, sum)).collect();
    builder.function_each(ty, count, |k, out| {
        let call = if k + 1 < count { code_of_call(index(k + 1)) } else { Vec::new() };
        let call = if call.len() <= content { call } else { Vec::new() };
        out.extend_from_slice(&fills[call.len()]);
        out.extend_from_slice(&call);
    });
    builder.finish()
}

/// A call of a function below 2^21.
const CALL_BYTES_MAX: usize = 4;

fn code_of_call(function: u32) -> Vec<u8> {
    code(|code| {
        code.call(function);
    })
}

/// The content of a body of `content` bytes that leaves `call` bytes free.
fn filled_behind(content: usize, call: usize, sum: u32) -> Vec<u8> {
    filled(content.saturating_sub(call) as u64, sum).to_vec()
}

/// `bytes` bytes of code that adds constants to the global `sum`, filled up by `nop`.
fn filled(bytes: u64, sum: u32) -> Rope {
    const NOP: u8 = 0x01;
    let step = |k: u32| {
        code(|code| {
            code.global_get(sum).i32_const(small(k)).i32_add().global_set(sum);
        })
    };
    let step_bytes = step(0).len() as u64;
    let mut body = cycle(bytes / step_bytes, super::VARIETY, |k, rope| rope.push(&step(k)));
    body.push_repeat(vec![NOP], bytes % step_bytes);
    body
}
