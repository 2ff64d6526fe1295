//! Which proposals a module of unknown origin needs: found by validating it without them.

use std::collections::BTreeSet;

use wasmparser::{Validator, WasmFeatures};

use crate::ops::Proposal;

/// What is part of the standard and no proposal of the table.
const BASE: WasmFeatures = WasmFeatures::WASM3;

/// The proposals that a module needs, `None` when it is not valid even with all of them.
///
/// `None` also goes to a module that needs something else, such as the legacy exceptions, which
/// the validator knows but the table does not: nothing can be said of who must take it.
///
/// The module is valid with these and without the others, and no longer where one more is taken
/// away. It is validated a few times for each proposal that it needs.
pub fn needs(bytes: &[u8]) -> Option<BTreeSet<Proposal>> {
    let all = Proposal::ALL.iter().fold(BASE, |on, proposal| on.union(own_features(*proposal)));
    if !is_valid(bytes, all) {
        return None;
    }
    // Either of garbage collection and function references allows references to function types.
    // The former comes first and is turned off, so that those need the latter.
    let mut needed = BTreeSet::from([Proposal::Mvp]);
    turn_off(bytes, all, Proposal::ALL, &mut needed);
    Some(needed)
}

/// Turns off each of `candidates` that the module is valid without, collects the others in
/// `needed`, and gives what is still on. Most modules need few, so halves are tried as a whole.
fn turn_off(
    bytes: &[u8],
    on: WasmFeatures,
    candidates: &[Proposal],
    needed: &mut BTreeSet<Proposal>,
) -> WasmFeatures {
    let without = candidates.iter().fold(on, |on, one| on.difference(own_features(*one)));
    if is_valid(bytes, without) {
        return without;
    }
    if let [one] = candidates {
        needed.insert(*one);
        return on;
    }
    let (first, second) = candidates.split_at(candidates.len() / 2);
    let on = turn_off(bytes, on, first, needed);
    turn_off(bytes, on, second, needed)
}

fn is_valid(bytes: &[u8], features: WasmFeatures) -> bool {
    Validator::new_with_features(features).validate_all(bytes).is_ok()
}

/// What a proposal itself brings, without what it builds on.
fn own_features(proposal: Proposal) -> WasmFeatures {
    match proposal {
        Proposal::Mvp => WasmFeatures::empty(),
        Proposal::SignExtension => WasmFeatures::SIGN_EXTENSION,
        Proposal::SaturatingFloatToInt => WasmFeatures::SATURATING_FLOAT_TO_INT,
        Proposal::MultiValue => WasmFeatures::MULTI_VALUE,
        // Each in the validator with a part of it that is a feature of its own.
        Proposal::BulkMemory => WasmFeatures::BULK_MEMORY | WasmFeatures::BULK_MEMORY_OPT,
        Proposal::ReferenceTypes => {
            WasmFeatures::REFERENCE_TYPES | WasmFeatures::CALL_INDIRECT_OVERLONG
        }
        Proposal::GcTypes => WasmFeatures::GC_TYPES,
        Proposal::TailCall => WasmFeatures::TAIL_CALL,
        Proposal::Threads => WasmFeatures::THREADS,
        Proposal::Simd => WasmFeatures::SIMD,
        Proposal::RelaxedSimd => WasmFeatures::RELAXED_SIMD,
        Proposal::Exceptions => WasmFeatures::EXCEPTIONS,
        Proposal::Gc => WasmFeatures::GC,
        Proposal::FunctionReferences => WasmFeatures::FUNCTION_REFERENCES,
        Proposal::Memory64 => WasmFeatures::MEMORY64,
        Proposal::WideArithmetic => WasmFeatures::WIDE_ARITHMETIC,
        Proposal::StackSwitching => WasmFeatures::STACK_SWITCHING,
        Proposal::MultiMemory => WasmFeatures::MULTI_MEMORY,
        Proposal::ExtendedConst => WasmFeatures::EXTENDED_CONST,
        Proposal::CustomPageSizes => WasmFeatures::CUSTOM_PAGE_SIZES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{self, Prelude, Unit, testing};

    /// What a module needs beyond the first version of WebAssembly.
    fn of(fields: &str) -> Vec<Proposal> {
        let bytes = wat::parse_str(format!("(module {fields})")).unwrap();
        let needed = needs(&bytes).unwrap_or_else(|| panic!("{fields} is not valid"));
        assert!(needed.contains(&Proposal::Mvp), "{fields}");
        needed.into_iter().filter(|proposal| *proposal != Proposal::Mvp).collect()
    }

    #[test]
    fn a_plain_module_needs_nothing_more() {
        assert_eq!(of(""), []);
        let fields = "(memory 1) (table 1 funcref) (global (mut i32) i32.const 1) (start $f) \
                      (func $f (drop (f64.add (f64.const 1) (f64.load (i32.const 0)))))";
        assert_eq!(of(fields), []);
    }

    #[test]
    fn each_proposal_is_found() {
        use Proposal::*;
        let add = "i32x4.relaxed_trunc_f32x4_s";
        for (fields, wanted) in [
            ("(func (param i32) (result i32) local.get 0 i32.extend8_s)", &[SignExtension][..]),
            ("(func (result i32) f32.const 0 i32.trunc_sat_f32_s)", &[SaturatingFloatToInt]),
            ("(func (result i32 i32) i32.const 0 i32.const 0)", &[MultiValue]),
            ("(memory 1) (data \"x\") (func data.drop 0)", &[BulkMemory]),
            ("(memory 1) (func i32.const 0 i32.const 0 i32.const 0 memory.fill)", &[BulkMemory]),
            ("(table 1 funcref) (func (drop (table.size 0)))", &[ReferenceTypes]),
            ("(func (param externref))", &[ReferenceTypes, GcTypes]),
            ("(func $f return_call $f)", &[TailCall]),
            ("(memory 1 1 shared)", &[Threads]),
            ("(memory 1) (func (drop (i32.atomic.load (i32.const 0))))", &[Threads]),
            ("(func (param v128) (drop (i8x16.popcnt (local.get 0))))", &[Simd]),
            (&format!("(func (param v128) (drop ({add} (local.get 0))))"), &[Simd, RelaxedSimd]),
            ("(tag $t) (func throw $t)", &[Exceptions]),
            ("(tag)", &[Exceptions]),
            ("(type (struct))", &[GcTypes, Gc]),
            ("(type $s (struct)) (func (drop (struct.new $s)))", &[GcTypes, Gc]),
            ("(type $f (func)) (func (param (ref $f)))", &[ReferenceTypes, FunctionReferences]),
            ("(memory i64 1)", &[Memory64]),
            ("(memory 1) (memory 1)", &[MultiMemory]),
            ("(memory 1 (pagesize 1))", &[CustomPageSizes]),
            ("(global i32 (i32.add (i32.const 1) (i32.const 2)))", &[ExtendedConst]),
            (
                "(func (param i64 i64) local.get 0 local.get 1 i64.mul_wide_s drop drop)",
                &[WideArithmetic],
            ),
        ] {
            assert_eq!(of(fields), wanted, "{fields}");
        }
        assert!(of("(type $f (func)) (type (cont $f))").contains(&StackSwitching));
    }

    #[test]
    fn several_needs_are_all_found() {
        let fields = "(memory i64 1) (tag $t) (func (param v128) (result v128 i64) local.get 0 \
                      (i64.extend8_s (i64.atomic.load (i64.const 0))) throw $t)";
        use Proposal::*;
        assert_eq!(of(fields), [SignExtension, MultiValue, Threads, Simd, Exceptions, Memory64]);
    }

    #[test]
    fn what_is_no_valid_module_has_no_needs() {
        let invalid = wat::parse_str("(module (func i32.add))").unwrap();
        let component = wat::parse_str("(component)").unwrap();
        let legacy = wat::parse_str("(module (func try catch_all end))").unwrap();
        for bytes in [&b""[..], b"\0asm", b"garbage!", &[0xff; 100], &invalid, &component, &legacy]
        {
            assert_eq!(needs(bytes), None, "{bytes:?}");
        }
        let unit = Unit::closed(ops::operator("i32.load").unwrap()).unwrap();
        let whole = testing::copies(&unit, false, 2);
        for end in 0..whole.len() {
            let mut broken = whole.clone();
            broken[end] ^= 0xff;
            let _ = (needs(&whole[..end]), needs(&broken));
        }
    }

    #[test]
    fn every_operator_needs_its_proposal_and_no_more_than_its_unit_states() {
        for op in ops::operators() {
            for memory64 in [false, true] {
                let unit = Unit::closed(op).unwrap();
                let stated = Prelude::new(&[&unit], memory64).proposals();
                let needed = needs(&testing::copies(&unit, memory64, 2)).unwrap();
                assert!(needed.contains(&op.proposal), "{unit} needs only {needed:?}");
                let bases: BTreeSet<_> = stated.iter().flat_map(|one| one.builds_on()).collect();
                let more = needed.iter().filter(|one| !stated.contains(one));
                let more: Vec<_> = more.filter(|one| !bases.contains(one)).collect();
                assert!(more.is_empty(), "{unit} needs {more:?} beyond {stated:?}");
            }
        }
    }
}
