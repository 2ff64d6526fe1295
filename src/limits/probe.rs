//! The table against the validator: each number that wasmparser enforces is tried at the limit and
//! one past it, and each that it does not enforce is tried past it.
//!
//! `wasmparser::limits` is private, so this is the only proof that the table tells the truth. When
//! an update of wasmparser fails here, the table is what has to change.

use std::collections::BTreeSet;

use wasmparser::{Validator, WasmFeatures};

use crate::limits::{LIMITS, Limit, headroom, limit, specimens};

/// What the validator says past `type-size`.
const TYPE_SIZE: &str = "effective type size exceeds the limit of 1000000";

/// A module with just as much of one limit as asked for.
type Build = fn(u64) -> Vec<u8>;

/// One check that the validator makes of one limit.
#[derive(Clone, Copy)]
struct Probe {
    limit: &'static str,
    build: Build,
    /// What the validator says at the limit, where another limit stands in the way.
    refused_at: Option<&'static str>,
    /// Part of what the validator says one past the limit: proof that it means this limit.
    refused_past: &'static str,
}

const fn probe(limit: &'static str, build: Build, refused_past: &'static str) -> Probe {
    Probe { limit, build, refused_at: None, refused_past }
}

const fn blocked(
    limit: &'static str,
    build: Build,
    refused_at: &'static str,
    refused_past: &'static str,
) -> Probe {
    Probe { limit, build, refused_at: Some(refused_at), refused_past }
}

/// Probes of less than about a second.
const QUICK: &[Probe] = &[
    probe("subtype-depth", specimens::subtype_depth, "sub type hierarchy too deep: found depth 64"),
    probe("type-size", specimens::type_size_of_functions, TYPE_SIZE),
    probe("type-size", specimens::type_size_of_everything, TYPE_SIZE),
    probe("data-segments", specimens::data_segments, "data segments count exceeds limit"),
    probe("data-segments", specimens::counted_data_segments, "too many data segments"),
    probe("element-segments", specimens::element_segments, "element segments count exceeds limit"),
    probe("tables", specimens::tables, "tables count exceeds limit"),
    probe("tables", specimens::tables_with_import, "tables count exceeds limit"),
    probe("memories", specimens::memories, "memories count exceeds limit"),
    probe("memories", specimens::memories_with_import, "memories count exceeds limit"),
    probe("memory32-pages", specimens::memory32_pages, "memory size must be at most 0x10000"),
    probe("memory32-pages", specimens::memory32_maximum, "memory size must be at most 0x10000"),
    probe("memory64-pages", specimens::memory64_pages, "memory size must be at most"),
    probe("memory64-pages", specimens::memory64_maximum, "memory size must be at most"),
    probe("function-params", specimens::function_params, "function params size is out of bounds"),
    probe("function-results", specimens::function_results, "function returns size is out of"),
    probe("block-params", specimens::block_params, "function params size is out of bounds"),
    probe("block-results", specimens::block_results, "function returns size is out of bounds"),
    probe("function-body-bytes", specimens::function_body_bytes, "function body size count"),
    probe("function-locals", specimens::function_locals, "too many locals"),
    probe("struct-fields", specimens::struct_fields, "struct fields size is out of bounds"),
    probe("catches", specimens::catches, "catches size is out of bounds"),
    probe("handlers", specimens::handlers, "resume table size is out of bounds"),
    probe("name-bytes", specimens::import_name, "string size out of bounds"),
    probe("name-bytes", specimens::import_module_name, "string size out of bounds"),
    probe("name-bytes", specimens::export_name, "string size out of bounds"),
    probe("name-bytes", specimens::custom_section_name, "string size out of bounds"),
];

/// Probes with a million types.
const MANY_TYPES: &[Probe] = &[
    probe("types", specimens::types, "types count exceeds limit"),
    probe("rec-groups", specimens::rec_groups, "types count exceeds limit"),
    probe("rec-group-types", specimens::rec_group_types, "rec group types size is out of bounds"),
];

/// Probes with a million declarations, or ten million entries of a segment.
const MANY_DECLARATIONS: &[Probe] = &[
    probe("functions", specimens::functions, "functions count exceeds limit"),
    probe("functions", specimens::functions_with_import, "functions count exceeds limit"),
    blocked("imports", specimens::imported_globals, TYPE_SIZE, "imports count exceeds limit"),
    blocked("exports", specimens::exported_globals, TYPE_SIZE, "exports count exceeds limit"),
    probe("globals", specimens::globals, "globals count exceeds limit"),
    probe("globals", specimens::globals_with_import, "globals count exceeds limit"),
    probe("tags", specimens::tags, "tags count exceeds limit"),
    probe("tags", specimens::tags_with_import, "tags count exceeds limit"),
    probe("segment-entries", specimens::segment_entries, "number of elements is out of bounds"),
];

/// Ten million expressions, each validated on its own: about seven seconds in a release build.
const MANY_EXPRESSIONS: &[Probe] = &[probe(
    "segment-entries",
    specimens::segment_expressions,
    "number of elements is out of bounds",
)];

/// Modules past a limit that the validator does not enforce, or at the stress value of one that
/// nobody does.
const LET_THROUGH: &[(&str, Build, u64)] = &[
    ("table-entries", specimens::table_entries, 10_000_001),
    ("array-operands", specimens::array_operands, 10_001),
    ("br-table-entries", specimens::br_table_entries, 65_521),
    ("nesting-depth", specimens::nesting_depth, 2_551_439),
    ("operand-stack", specimens::operand_stack, 3_827_159),
    ("const-expr-ops", specimens::const_expr_ops, 999_999),
    ("memory64-pages", specimens::memory64_pages, 1 << 37),
];

/// The proposals that Wasmtime 48 implements, as far as a probe needs them.
fn validate(bytes: &[u8]) -> Result<(), String> {
    let features = WasmFeatures::default() | WasmFeatures::STACK_SWITCHING;
    let mut validator = Validator::new_with_features(features);
    validator.validate_all(bytes).map(drop).map_err(|error| error.to_string())
}

fn row(id: &str) -> &'static Limit {
    limit(id).unwrap_or_else(|| panic!("`{id}` is not in the table"))
}

fn expect_refusal(what: &str, bytes: &[u8], fragment: &str) {
    let error = validate(bytes).expect_err(what);
    assert!(error.contains(fragment), "{what}, but for another reason: {error}");
}

fn run(probe: &Probe) {
    let id = probe.limit;
    let max = row(id).wasmparser.unwrap_or_else(|| panic!("wasmparser has no limit `{id}`"));
    let bytes = (probe.build)(max);
    match probe.refused_at {
        None => {
            let result = validate(&bytes);
            assert_eq!(result, Ok(()), "{max} of `{id}` is at the limit and must be accepted");
        }
        Some(fragment) => {
            let what = format!("{max} of `{id}` must be refused for another limit");
            expect_refusal(&what, &bytes, fragment);
        }
    }
    let usage = headroom(&bytes).unwrap_or_else(|error| panic!("headroom of `{id}`: {error}"));
    assert_eq!(usage.get(id), max, "headroom miscounts `{id}` at the limit");

    let bytes = (probe.build)(max + 1);
    let what = format!("{} of `{id}` is past the limit and must be refused", max + 1);
    expect_refusal(&what, &bytes, probe.refused_past);
    // Some limits the parser itself enforces: there headroom fails too, and has nothing to count.
    match headroom(&bytes) {
        Ok(usage) => assert_eq!(usage.get(id), max + 1, "headroom miscounts `{id}` past the limit"),
        Err(error) => assert!(error.is_past_a_limit(), "past `{id}`, but for {error}"),
    }
}

#[test]
fn the_validator_enforces_the_quick_limits_exactly() {
    QUICK.iter().for_each(run);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "slow in debug builds: a million of each item")]
fn the_validator_enforces_the_limits_on_types_exactly() {
    MANY_TYPES.iter().for_each(run);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "slow in debug builds: a million of each item")]
fn the_validator_enforces_the_limits_on_declarations_exactly() {
    MANY_DECLARATIONS.iter().for_each(run);
}

#[test]
#[ignore = "slow: ten million constant expressions"]
fn the_validator_enforces_the_limit_on_segment_expressions_exactly() {
    MANY_EXPRESSIONS.iter().for_each(run);
}

#[test]
fn every_limit_of_the_validator_has_a_probe_and_no_other_limit_has_one() {
    let probes = [QUICK, MANY_TYPES, MANY_DECLARATIONS, MANY_EXPRESSIONS].concat();
    let probed: BTreeSet<&str> = probes.iter().map(|probe| probe.limit).collect();
    let enforced: BTreeSet<&str> =
        LIMITS.iter().filter(|row| row.wasmparser.is_some()).map(|row| row.id).collect();
    assert_eq!(probed, enforced);
}

#[test]
fn the_validator_lets_through_what_it_does_not_limit() {
    for (id, build, value) in LET_THROUGH {
        let bytes = build(*value);
        assert_eq!(validate(&bytes), Ok(()), "{value} of `{id}` must pass the validator");
        let measured = headroom(&bytes).unwrap().get(id);
        let expected = if *id == "operand-stack" { 0 } else { *value };
        assert_eq!(measured, expected, "headroom miscounts `{id}`");
    }
}

#[test]
fn every_limit_that_is_not_the_validators_is_seen_to_be_let_through() {
    let seen: BTreeSet<&str> = LET_THROUGH.iter().map(|(id, ..)| *id).collect();
    for row in LIMITS.iter().filter(|row| row.wasmparser.is_none()) {
        // A gigabyte has a test of its own.
        assert!(seen.contains(row.id) || row.id == "module-bytes", "`{}` is never tried", row.id);
    }
}

#[test]
fn stress_values_fill_a_body_to_less_than_one_more() {
    let body_max = row("function-body-bytes").target();
    for (id, build, bytes_each) in [
        ("nesting-depth", specimens::nesting_depth as Build, 3),
        ("operand-stack", specimens::operand_stack, 2),
    ] {
        let bytes = build(row(id).target());
        let used = headroom(&bytes).unwrap().get("function-body-bytes");
        assert!(used <= body_max, "`{id}` does not fit a body: {used} bytes");
        assert!(used + bytes_each > body_max, "`{id}` leaves room for one more: {used} bytes");
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "slow in debug builds: a million of each item")]
fn imports_and_exports_reach_their_stress_values() {
    for (id, build) in [
        ("imports", specimens::imported_globals as Build),
        ("exports", specimens::exported_globals),
    ] {
        let max = row(id).target();
        assert_eq!(validate(&build(max)), Ok(()), "{max} of `{id}` must be accepted");
        expect_refusal(
            &format!("{} of `{id}` must be refused", max + 1),
            &build(max + 1),
            TYPE_SIZE,
        );
    }
}

#[test]
#[ignore = "slow: needs a gigabyte of address space"]
fn the_validator_lets_through_a_module_of_more_than_a_gigabyte() {
    let bytes = specimens::module_bytes(row("module-bytes").target() + 1);
    assert_eq!(validate(&bytes), Ok(()), "`module-bytes` is not the validator's");
    assert_eq!(headroom(&bytes).unwrap().get("module-bytes"), (1 << 30) + 1);
}
