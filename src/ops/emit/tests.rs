//! Every row through its canonical units: valid, as wide as stated, named as in the text format.

use wasmparser::WasmFeatures;

use crate::ops::testing::{copies, module, operators};
use crate::ops::{self, AccessKind, Operator, Prelude, Unit, UnitKind};

/// Copies of which the bytes are compared.
const VARIANTS: u32 = 256;

/// Names that tell apart what the text format tells apart by an immediate.
const OWN_NAMES: &[(&str, &str)] =
    &[("select_t", "select"), ("ref.test_null", "ref.test"), ("ref.cast_null", "ref.cast")];

fn canonical(op: &'static Operator) -> Vec<Unit> {
    [Unit::closed(op), Unit::link(op), Unit::join(op)].into_iter().flatten().collect()
}

fn valid(unit: &Unit, memory64: bool) -> Vec<String> {
    let wasm = copies(unit, memory64, 4);
    match operators(&wasm, WasmFeatures::all()) {
        Ok(found) => found,
        Err(error) => panic!("{unit}: {error}\n{}", text(&wasm)),
    }
}

fn text(wasm: &[u8]) -> String {
    wasmprinter::print_bytes(wasm).unwrap_or_else(|error| format!("{error:#}"))
}

fn ident(printed: &str) -> &str {
    printed.split([' ', '(']).next().unwrap()
}

#[test]
fn every_row_has_its_canonical_units() {
    for op in ops::operators() {
        let closed = Unit::closed(op).unwrap_or_else(|| panic!("{} has no unit", op.name));
        assert_eq!(closed.kind(), UnitKind::Closed);
        let links = op.params.first().is_some_and(|param| op.results.last() == Some(param));
        assert_eq!(Unit::link(op).map(|unit| unit.kind()), links.then_some(UnitKind::Link));
        let joins = links && op.params.get(1) == op.params.first();
        assert_eq!(Unit::join(op).map(|unit| unit.kind()), joins.then_some(UnitKind::Join));
    }
}

#[test]
fn every_canonical_unit_is_valid_and_contains_its_operator() {
    for op in ops::operators() {
        for unit in canonical(op) {
            for memory64 in [false, true] {
                let found = valid(&unit, memory64);
                let count = found.iter().filter(|printed| ident(printed) == op.ident).count();
                assert!(count >= 4, "{unit}: {count} of {} in {found:?}", op.ident);
            }
        }
    }
}

#[test]
fn access_widths_agree_with_wasmparser() {
    let mut compared = 0;
    for op in ops::operators() {
        let found = valid(&Unit::closed(op).unwrap(), false);
        let printed = found.iter().find(|printed| ident(printed) == op.ident).unwrap();
        let max_align = printed
            .split_once("max_align: ")
            .and_then(|(_, rest)| rest.split_once(','))
            .map(|(number, _)| number.parse::<u32>().unwrap());
        match (max_align, op.access) {
            (Some(max_align), Some(access)) => {
                assert_eq!(1 << max_align, access.bytes, "{printed}");
                compared += 1;
            }
            (None, Some(access)) => assert_eq!(access.kind, AccessKind::Bulk, "{printed}"),
            (Some(_), None) => panic!("{printed} accesses memory"),
            (None, None) => {}
        }
    }
    assert!(compared > 100, "only {compared} widths were compared");
}

#[test]
fn names_are_those_of_the_text_format() {
    for op in ops::operators() {
        let unit = Unit::closed(op).unwrap();
        let text = text(&copies(&unit, false, 1));
        let own = OWN_NAMES.iter().find(|(name, _)| *name == op.name);
        let name = own.map_or(op.name, |(_, name)| name);
        assert!(text.split_whitespace().any(|word| word == name), "{name} is not in\n{text}");
    }
}

#[test]
fn stated_proposals_are_enough() {
    for op in ops::operators() {
        for unit in canonical(op) {
            for memory64 in [false, true] {
                let prelude = Prelude::new(&[&unit], memory64);
                let features = prelude.proposals().into_iter().map(features);
                let features = features.fold(WasmFeatures::WASM1, WasmFeatures::union);
                let wasm = copies(&unit, memory64, 2);
                if let Err(error) = operators(&wasm, features) {
                    panic!("{unit} with {:?}: {error}", prelude.proposals());
                }
            }
        }
    }
}

/// A proposal together with those that it builds on.
fn features(proposal: ops::Proposal) -> WasmFeatures {
    use ops::Proposal;
    let reference = WasmFeatures::REFERENCE_TYPES | WasmFeatures::BULK_MEMORY;
    let typed = WasmFeatures::FUNCTION_REFERENCES | WasmFeatures::GC_TYPES | reference;
    match proposal {
        Proposal::Mvp => WasmFeatures::WASM1,
        Proposal::SignExtension => WasmFeatures::SIGN_EXTENSION,
        Proposal::SaturatingFloatToInt => WasmFeatures::SATURATING_FLOAT_TO_INT,
        Proposal::MultiValue => WasmFeatures::MULTI_VALUE,
        Proposal::BulkMemory => WasmFeatures::BULK_MEMORY,
        Proposal::ReferenceTypes => reference,
        Proposal::GcTypes => WasmFeatures::GC_TYPES | reference,
        Proposal::TailCall => WasmFeatures::TAIL_CALL,
        Proposal::Threads => WasmFeatures::THREADS,
        Proposal::Simd => WasmFeatures::SIMD,
        Proposal::RelaxedSimd => WasmFeatures::RELAXED_SIMD | WasmFeatures::SIMD,
        Proposal::Exceptions => WasmFeatures::EXCEPTIONS | WasmFeatures::GC_TYPES | reference,
        Proposal::Gc => WasmFeatures::GC | typed,
        Proposal::FunctionReferences => typed,
        Proposal::Memory64 => WasmFeatures::MEMORY64,
        Proposal::WideArithmetic => WasmFeatures::WIDE_ARITHMETIC,
        Proposal::StackSwitching => {
            WasmFeatures::STACK_SWITCHING | WasmFeatures::EXCEPTIONS | typed
        }
        Proposal::MultiMemory => WasmFeatures::MULTI_MEMORY,
        Proposal::ExtendedConst => WasmFeatures::EXTENDED_CONST,
        Proposal::CustomPageSizes => WasmFeatures::CUSTOM_PAGE_SIZES,
    }
}

#[test]
fn copies_differ_wherever_something_can_differ() {
    for op in ops::operators() {
        for unit in canonical(op) {
            let text = unit.to_string();
            let prelude = Prelude::new(&[&unit], false);
            let distinct = usize::try_from(VARIANTS).unwrap();
            let mut seen = std::collections::BTreeSet::new();
            for variant in 0..VARIANTS {
                let mut bytes = Vec::new();
                unit.encode(&prelude, variant, &mut bytes);
                let mut again = Vec::new();
                unit.encode(&prelude, variant, &mut again);
                assert_eq!(bytes, again, "{unit}, variant {variant}");
                seen.insert(bytes);
            }
            let stores = unit.kind() == UnitKind::Closed && text.ends_with("store");
            let differs = stores || text.contains("load") || text.contains("const");
            assert!(!differs || seen.len() == distinct, "{unit}: {}", seen.len());
        }
    }
}

#[test]
fn offsets_and_constant_addresses_stay_in_one_page() {
    let unit: Unit = "v128.load(const); v128.not(prev) -> store".parse().unwrap();
    let prelude = Prelude::new(&[&unit], true);
    let mut addresses = std::collections::BTreeSet::new();
    for variant in 0..3000 {
        let mut body = Vec::new();
        unit.encode(&prelude, variant, &mut body);
        let wasm = module(&prelude, &body);
        for printed in operators(&wasm, WasmFeatures::all()).unwrap() {
            if let Some((_, value)) = printed.split_once("I64Const { value: ") {
                let value: u32 = value.trim_end_matches(" }").parse().unwrap();
                assert!(value > 0 && value < 32768 && value.is_multiple_of(16), "{printed}");
                assert!(variant >= 256 || addresses.insert(value), "{value} came before");
            }
            if let Some((_, rest)) = printed.split_once("offset: ") {
                let offset: u32 = rest.split_once(',').unwrap().0.parse().unwrap();
                assert!(offset < 32752 && offset.is_multiple_of(16), "{printed}");
            }
        }
    }
}

#[test]
fn steps_nest_and_share_what_they_use_twice() {
    let unit: Unit = "f64.copysign(local, load); f64.sub(const, prev) -> store".parse().unwrap();
    let names = |unit: &Unit| {
        let found = valid(unit, false);
        found.iter().map(|it| ident(it).to_owned()).collect::<Vec<_>>().join(" ")
    };
    let copy = "LocalGet F64Const LocalGet LocalGet F64Load F64Copysign F64Sub F64Store ";
    assert_eq!(names(&unit), copy.repeat(4) + "End");
    let unit: Unit = "i32.clz(load); i32.mul(prev, prev) -> drop".parse().unwrap();
    let copy = "LocalGet I32Load I32Clz LocalTee LocalGet I32Mul Drop ";
    assert_eq!(names(&unit), copy.repeat(4) + "End");
    let unit: Unit = "i32.add(prev, load) -> global".parse().unwrap();
    let copy = "LocalGet I32Load I32Add ";
    assert_eq!(names(&unit), format!("LocalGet I32Load {}GlobalSet End", copy.repeat(4)));
    let unit: Unit = "i32.clz(prev); i32.sub(load, prev) -> global".parse().unwrap();
    let copy = "LocalSet LocalGet I32Load LocalGet I32Clz I32Sub ";
    assert_eq!(names(&unit), format!("LocalGet I32Load {}GlobalSet End", copy.repeat(4)));
}
