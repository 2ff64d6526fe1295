//! The table as a whole: what every row must be.

use std::collections::BTreeSet;

use super::*;
use crate::limits::{Source, limit};

/// Append-only: add the id of a new row at the end, and never change what stands here.
const IDS: &[&str] = &[
    "module-bytes",
    "types",
    "rec-groups",
    "rec-group-types",
    "subtype-depth",
    "functions",
    "imports",
    "exports",
    "type-size",
    "globals",
    "tags",
    "data-segments",
    "element-segments",
    "tables",
    "table-entries",
    "segment-entries",
    "memories",
    "memory32-pages",
    "memory64-pages",
    "function-params",
    "function-results",
    "block-params",
    "block-results",
    "function-body-bytes",
    "function-locals",
    "struct-fields",
    "array-operands",
    "br-table-entries",
    "catches",
    "handlers",
    "name-bytes",
    "nesting-depth",
    "operand-stack",
    "const-expr-ops",
];

#[test]
fn ids_and_their_order_are_append_only() {
    let ids: Vec<&str> = LIMITS.iter().map(|limit| limit.id).collect();
    assert_eq!(ids, IDS, "recipes and findings speak of these ids: only append");
}

#[test]
fn ids_are_unique_and_kebab_case() {
    let ids: BTreeSet<&str> = LIMITS.iter().map(|limit| limit.id).collect();
    assert_eq!(ids.len(), LIMITS.len());
    for id in ids {
        let kebab = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        assert!(id.split('-').all(kebab), "`{id}` is not kebab-case");
    }
}

#[test]
fn every_row_is_found_by_its_id_and_says_what_it_counts_and_whence() {
    for row in LIMITS {
        assert_eq!(limit(row.id), Some(row));
        for (what, text) in [("title", row.title), ("unit", row.unit), ("note", row.note)] {
            assert!(!text.is_empty(), "`{}` has no {what}", row.id);
        }
    }
    assert_eq!(limit("moons"), None);
}

#[test]
fn every_row_has_a_target_within_what_the_validator_accepts() {
    for row in LIMITS {
        let target = row.target();
        assert!(row.min <= target, "the target of `{}` is below its minimum", row.id);
        let accepted = row.wasmparser.is_none_or(|max| target <= max);
        assert!(accepted, "the target of `{}` is refused by the validator", row.id);
    }
}

#[test]
fn what_nobody_limits_has_a_stress_value() {
    for row in LIMITS {
        if Source::ALL.iter().all(|source| row.value(*source).is_none()) {
            assert!(row.stress.is_some(), "`{}` has neither a source nor a stress value", row.id);
        }
    }
}

#[test]
fn the_stress_values_fill_a_function_body() {
    assert_eq!(limit("nesting-depth").map(Limit::target), Some(2_551_439));
    assert_eq!(limit("operand-stack").map(Limit::target), Some(3_827_159));
}
