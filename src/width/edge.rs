//! Which functions to call at the end of memory, by which arguments, and what must come of it.
//!
//! What must come of a call follows from the specification and the module alone: it traps when one of
//! its accesses is not in memory, and returns when all are and nothing else in it can fail.

use super::reach::{Reach, Reached, reach};
use super::to_usize;
use crate::job::{Argument, EDGE_BASE, EdgeCall, EdgeFunction, EdgeRun, Expected};
use crate::ops::Unit;
use crate::shapes::Parameters;
use std::collections::BTreeSet;
use wasmparser::{
    BinaryReaderError, CompositeInnerType, ExternalKind, FunctionBody, Parser, Payload, TypeRef,
};

/// How far before the last address that fits the addresses begin, in bytes: what the widest access
/// would read, should it begin too early.
const BEFORE: u128 = 16;

/// How far past the end they go.
const AFTER: u128 = 1;

/// Addresses by which it shows how a function makes its own of them.
const PROBE: u64 = 8;

/// Size of a page, in bytes, unless a memory says otherwise.
const PAGE_BYTES: u64 = 65_536;

/// The runs of the functions that `module` exports, all of which have these parameters. `units` tells
/// what the function at a place among them is made of. `None` for a module that has no memory or
/// is none.
pub fn edge_run<'a>(
    module: &[u8],
    parameters: &Parameters,
    units: impl Fn(usize) -> Option<&'a Unit>,
) -> Option<EdgeRun> {
    try_edge_run(module, &arguments(parameters), units).ok().flatten()
}

/// By parameter, what it is given.
fn arguments(parameters: &Parameters) -> Vec<Argument> {
    let argument = |at| match parameters {
        Parameters { addresses, .. } if addresses.contains(&at) => Argument::Address,
        Parameters { base, .. } if *base == Some(at) => Argument::Base,
        Parameters { .. } => Argument::Value,
    };
    (0..).take(parameters.count).map(argument).collect()
}

fn try_edge_run<'a>(
    module: &[u8],
    arguments: &[Argument],
    units: impl Fn(usize) -> Option<&'a Unit>,
) -> Result<Option<EdgeRun>, BinaryReaderError> {
    let module = Module::read(module)?;
    let Some(memory_bytes) = module.memory_bytes else { return Ok(None) };
    let mut functions = Vec::new();
    for (place, (export, index)) in module.exports.iter().enumerate() {
        let Some(body) =
            index.checked_sub(module.imports).and_then(|at| module.bodies.get(to_usize(at)))
        else {
            continue;
        };
        let last = units(place).and_then(|unit| unit.steps().last());
        let operator = last.map_or("a function", |step| step.op.name);
        let reach_at = |address: u64| {
            let values = arguments.iter().map(|argument| match argument {
                Argument::Address => Some(address),
                Argument::Base => Some(EDGE_BASE),
                Argument::Value => None,
            });
            let values: Vec<Option<u64>> = values.collect();
            reach(module.bytes, body, &values, |callee| module.arity(callee))
        };
        let mut calls = Vec::new();
        let highest = if module.memory64 { u64::MAX } else { u64::from(u32::MAX) };
        let (zero, probe) = (reach_at(0)?, reach_at(PROBE)?);
        // A loop may go on for as long as what was loaded says.
        let wanted = match zero.loops {
            true => BTreeSet::new(),
            false => addresses(&zero, &probe, memory_bytes, highest),
        };
        for address in wanted {
            let expected = expected(&reach_at(address)?, memory_bytes);
            calls.push(EdgeCall { address, expected });
        }
        functions.push(EdgeFunction {
            export: export.clone(),
            operator: operator.to_owned(),
            arguments: arguments.to_vec(),
            calls,
        });
    }
    Ok(Some(EdgeRun { memory_bytes, functions }))
}

/// The addresses to call a function by, from what it accesses by the addresses 0 and [`PROBE`]: those
/// by which one of its accesses lies around the end of memory, one in the middle, and the `last`.
fn addresses(zero: &Reach, probe: &Reach, memory_bytes: u64, last: u64) -> BTreeSet<u64> {
    let mut addresses = BTreeSet::from([0, memory_bytes / 2, memory_bytes, last]);
    for (zero, probe) in zero.accesses.iter().zip(&probe.accesses) {
        let (Some(first), Some(then)) = (zero.at, probe.at) else { continue };
        let Some(step) = then.checked_sub(first).map(|far| far / u128::from(PROBE)) else {
            continue;
        };
        if step == 0 {
            continue;
        }
        let end = u128::from(memory_bytes);
        let from = end.saturating_sub(BEFORE + u128::from(zero.bytes));
        for wanted in from..=end + AFTER {
            let far = wanted.checked_sub(first).filter(|far| far % step == 0);
            let address = far.and_then(|far| u64::try_from(far / step).ok());
            addresses.extend(address.filter(|&address| address <= last));
        }
    }
    addresses
}

/// What must come of a call that reaches this.
fn expected(reach: &Reach, memory_bytes: u64) -> Expected {
    let is_outside = |access: &Reached| {
        let aligned = |at: u128| !access.aligned || at.is_multiple_of(access.bytes.into());
        let inside = |at: u128| at + u128::from(access.bytes) <= u128::from(memory_bytes);
        access.at.is_some_and(|at| !inside(at) || !aligned(at))
    };
    if reach.accesses.iter().any(is_outside) {
        return Expected::Traps;
    }
    let is_known = reach.accesses.iter().all(|access| access.at.is_some());
    if reach.is_all && is_known { Expected::Returns } else { Expected::AsElsewhere }
}

/// What is needed of a module.
struct Module<'a> {
    bytes: &'a [u8],
    memory_bytes: Option<u64>,
    memory64: bool,
    /// By type index, how many parameters and results; `None` for what is no function.
    types: Vec<Option<(usize, usize)>>,
    /// By function index, their types.
    functions: Vec<u32>,
    imports: u32,
    exports: Vec<(String, u32)>,
    bodies: Vec<FunctionBody<'a>>,
}

impl<'a> Module<'a> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other sections do not matter")]
    fn read(bytes: &'a [u8]) -> Result<Module<'a>, BinaryReaderError> {
        let mut module = Module {
            bytes,
            memory_bytes: None,
            memory64: false,
            types: Vec::new(),
            functions: Vec::new(),
            imports: 0,
            exports: Vec::new(),
            bodies: Vec::new(),
        };
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        for ty in group?.types() {
                            let inner = &ty.composite_type.inner;
                            let arity = match inner {
                                CompositeInnerType::Func(ty) => {
                                    Some((ty.params().len(), ty.results().len()))
                                }
                                _ => None,
                            };
                            module.types.push(arity);
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        if let TypeRef::Func(ty) = import?.ty {
                            module.functions.push(ty);
                            module.imports += 1;
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        module.functions.push(ty?);
                    }
                }
                Payload::MemorySection(section) => {
                    if let Some(memory) = section.into_iter().next() {
                        let memory = memory?;
                        let page = memory.page_size_log2.map_or(PAGE_BYTES, |log| 1 << log);
                        module.memory_bytes = memory.initial.checked_mul(page);
                        module.memory64 = memory.memory64;
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            module.exports.push((export.name.to_owned(), export.index));
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => module.bodies.push(body),
                _ => {}
            }
        }
        Ok(module)
    }

    fn arity(&self, function: u32) -> Option<(usize, usize)> {
        let ty = self.functions.get(to_usize(function))?;
        *self.types.get(to_usize(*ty))?
    }
}
