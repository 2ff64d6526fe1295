//! Modules around units, for the tests of this folder: built, validated and read back.

use wasm_encoder::{CodeSection, Function, FunctionSection, Module, Section};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::ops::{Prelude, Unit, UnitKind};

/// A module whose one function holds `body`.
pub(super) fn module(prelude: &Prelude, body: &[u8]) -> Vec<u8> {
    let mut sections = prelude.sections();
    let counts = prelude.counts();
    assert_eq!(sections.types.len(), counts.types);
    assert_eq!(sections.imports.len(), counts.functions);
    assert_eq!(sections.tables.len(), counts.tables);
    assert_eq!(sections.memories.len(), counts.memories);
    assert_eq!(sections.tags.len(), counts.tags);
    assert_eq!(sections.globals.len(), counts.globals);
    assert_eq!(sections.elements.len(), counts.elements);
    assert_eq!(sections.data.len(), counts.data);
    sections.types.ty().function(prelude.params().iter().copied(), []);
    let mut functions = FunctionSection::new();
    functions.function(counts.types);
    let mut function = Function::new(prelude.locals().iter().copied());
    function.raw(body.iter().copied()).raw([0x0b]);
    let mut code = CodeSection::new();
    code.function(&function);
    let mut module = Module::new();
    add(&mut module, true, &sections.types);
    add(&mut module, !sections.imports.is_empty(), &sections.imports);
    add(&mut module, true, &functions);
    add(&mut module, !sections.tables.is_empty(), &sections.tables);
    add(&mut module, !sections.memories.is_empty(), &sections.memories);
    add(&mut module, !sections.tags.is_empty(), &sections.tags);
    add(&mut module, !sections.globals.is_empty(), &sections.globals);
    add(&mut module, !sections.elements.is_empty(), &sections.elements);
    if let Some(data_count) = &sections.data_count {
        module.section(data_count);
    }
    add(&mut module, true, &code);
    add(&mut module, !sections.data.is_empty(), &sections.data);
    module.finish()
}

/// Even an empty section of some kinds asks for a proposal.
fn add(module: &mut Module, present: bool, section: &impl Section) {
    if present {
        module.section(section);
    }
}

/// The body of `copies` copies of a unit, with seeds and sink.
pub(super) fn body(unit: &Unit, prelude: &Prelude, copies: u32) -> Vec<u8> {
    let mut body = Vec::new();
    unit.encode_seed(prelude, copies, &mut body);
    for variant in 0..copies {
        if unit.kind() == UnitKind::Join {
            unit.encode_seed(prelude, variant, &mut body);
        }
        unit.encode(prelude, variant, &mut body);
    }
    unit.encode_sink(prelude, copies, &mut body);
    body
}

/// A module of `copies` copies of a unit.
pub(super) fn copies(unit: &Unit, memory64: bool, copies: u32) -> Vec<u8> {
    let prelude = Prelude::new(&[unit], memory64);
    module(&prelude, &body(unit, &prelude, copies))
}

/// Validates and gives every operator of every body as `wasmparser` prints it.
pub(super) fn operators(wasm: &[u8], features: WasmFeatures) -> Result<Vec<String>, String> {
    let types = Validator::new_with_features(features).validate_all(wasm);
    types.map_err(|error| format!("{error}"))?;
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload.unwrap() {
            let mut reader = body.get_operators_reader().unwrap();
            while !reader.eof() {
                found.push(format!("{:?}", reader.read().unwrap()));
            }
        }
    }
    Ok(found)
}
