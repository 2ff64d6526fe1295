//! A script in the format of the specification's tests that shows a wrong access at the end of
//! memory.

use crate::campaign::{Finding, Subject};
use crate::outcome::{EdgeKind, EdgeMismatch, Mismatch, MismatchKind, Outcome};
use crate::recipe::Recipe;
use crate::shapes;
use std::fmt::Write;
use wasm_encoder::ValType;
use wasmparser::{Parser, Payload, TypeRef};

/// Size of the memory that the case declares, in bytes.
const MEMORY_BYTES: u64 = 65_536;

/// What a script shows.
struct Shown {
    /// The address that the function is called by.
    address: u64,
    /// Whether that must trap.
    traps: bool,
    /// What is wrong, and why it must come out otherwise.
    lines: [String; 2],
}

/// The script for a finding of a wrong width, where its case takes plain addresses.
pub fn wast(finding: &Finding) -> Option<String> {
    let Subject::Recipe(recipe) = &finding.subject else { return None };
    let Outcome { machine, edge, .. } = &finding.outcome;
    let in_code = machine.as_ref().and_then(|machine| machine.mismatches.first());
    let in_call = edge.as_ref().and_then(|edge| edge.mismatches.first());
    let shown = match (in_code, in_call) {
        (Some(mismatch), _) => of_code(recipe, mismatch)?,
        (None, Some(mismatch)) => of_call(mismatch)?,
        (None, None) => return None,
    };
    let arguments = shapes::accesses_arguments(recipe, shown.address)?;
    let module = shapes::build(recipe).ok()?.bytes.to_vec();
    let arguments: Option<Vec<String>> =
        arguments.iter().map(|(ty, value)| constant(*ty, *value)).collect();
    let invoke = format!("(invoke \"run\" {})", arguments?.join(" "));
    let [wrong, why] = shown.lines;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, ";; {wrong}");
    let _ =
        writeln!(out, ";; To be run without guard pages and without a reservation for memories.");
    out.push_str(&imports(&module)?);
    out.push_str(&wasmprinter::print_bytes(&module).ok()?);
    let _ = writeln!(out, "\n;; {why}");
    let _ = if shown.traps {
        writeln!(out, "(assert_trap {invoke} \"out of bounds memory access\")")
    } else {
        writeln!(out, "(assert_return {invoke})")
    };
    Some(out)
}

/// What shows a wrong instruction.
fn of_code(recipe: &Recipe, mismatch: &Mismatch) -> Option<Shown> {
    let (expected, actual) = (u64::from(mismatch.expected_bytes), u64::from(mismatch.actual_bytes));
    let (width, why, traps) = match mismatch.kind {
        MismatchKind::Wider => {
            (expected, "The last byte asked for is the last of memory: legal.", false)
        }
        MismatchKind::Narrower => {
            (actual, "The last byte asked for lies behind memory: a trap.", true)
        }
        MismatchKind::Missing
        | MismatchKind::Surplus
        | MismatchKind::Unmarked
        | MismatchKind::BitIndex => return None,
    };
    // All accesses of the unit are at that address, and none else may reach past the end.
    let all = recipe.unit.as_ref()?.0.steps().iter().filter_map(|step| step.op.access);
    if all.into_iter().any(|access| u64::from(access.bytes) > expected.max(1)) {
        return None;
    }
    let Mismatch { instruction, operator, .. } = mismatch;
    let wrong = format!("{operator}: `{instruction}` accesses {actual} bytes, not {expected}.");
    let address = MEMORY_BYTES.checked_sub(width)?;
    Some(Shown { address, traps, lines: [wrong, why.to_owned()] })
}

/// What shows a call that went wrong.
fn of_call(mismatch: &EdgeMismatch) -> Option<Shown> {
    let (traps, why) = match mismatch.kind {
        EdgeKind::Trapped => (false, "All that is accessed is in memory: legal."),
        EdgeKind::NotTrapped => (true, "Something that is accessed lies behind memory: a trap."),
        EdgeKind::OtherEnd | EdgeKind::OtherBytes | EdgeKind::Faulted => return None,
    };
    let lines = [format!("{mismatch}."), why.to_owned()];
    Some(Shown { address: mismatch.address, traps, lines })
}

fn constant(ty: ValType, value: u64) -> Option<String> {
    Some(match ty {
        ValType::I32 => format!("(i32.const {value})"),
        ValType::I64 => format!("(i64.const {value})"),
        ValType::F32 => "(f32.const 0)".to_owned(),
        ValType::F64 => "(f64.const 0)".to_owned(),
        ValType::V128 => "(v128.const i64x2 0 0)".to_owned(),
        ValType::Ref(_) => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other sections do not matter")]
/// A module that provides what `module` imports: functions that do nothing.
fn imports(module: &[u8]) -> Option<String> {
    let (mut types, mut functions) = (Vec::new(), String::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    types.push(ty.ok()?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.ok()?;
                    let (TypeRef::Func(ty), name) = (import.ty, import.name) else { return None };
                    let ty = types.get(usize::try_from(ty).ok()?)?;
                    if !ty.results().is_empty() {
                        return None;
                    }
                    let params: Vec<String> = ty.params().iter().map(ToString::to_string).collect();
                    let params = params.join(" ");
                    let _ = writeln!(functions, "  (func (export \"{name}\") (param {params}))");
                }
            }
            _ => {}
        }
    }
    if functions.is_empty() {
        return Some(functions);
    }
    let name = crate::ops::IMPORT_MODULE;
    Some(format!("(module ${name}\n{functions})\n(register \"{name}\" ${name})\n"))
}
