//! The operator table, and the typed units and preludes made from it.
//!
//! The table is the single source for what units are made of, for coverage ("each operator,
//! repeated up to the body limit, under each backend") and for the width of memory accesses. It
//! covers every operator that `wasmparser` knows, with a row or with a stated excuse; a test
//! compares the two.

pub mod prelude;
pub mod table;
pub mod unit;

mod addressing;
mod arbitrary;
mod bulk;
mod compact;
mod emit;
mod encoder;
mod entity;
mod error;
mod exceptions;
mod excuses;
mod gc;
mod immediates;
mod kinds;
mod mvp;
mod needs;
mod numbers;
mod numeric;
mod parts;
mod relaxed_simd;
mod simd;
mod stack_switching;
mod text;
mod threads;
mod typed_refs;
mod types;

#[cfg(test)]
mod testing;

pub use addressing::{AddressForm, Addressing, Offset};
pub use entity::PARAMS_PER_TYPE;
pub use error::UnitError;
pub use excuses::EXCUSES;
pub use needs::needs;
pub use numbers::ADDRESSED_NEIGHBOURS;
pub use prelude::{Counts, IMPORT_MODULE, Prelude, Sections};
pub use table::{Access, AccessKind, Excuse, Immediate, Opcode, Operator, Proposal, Type};
pub(crate) use unit::feeds;
pub use unit::{Sink, Source, Step, Unit, UnitKind};

/// The rows, in files by proposal. New rows go to the end of their file: random units are drawn by
/// position.
const TABLES: &[&[Operator]] = &[
    mvp::ROWS,
    numeric::ROWS,
    bulk::ROWS,
    simd::ROWS,
    relaxed_simd::ROWS,
    threads::ROWS,
    typed_refs::ROWS,
    exceptions::ROWS,
    gc::ROWS,
    stack_switching::ROWS,
];

/// All rows, in table order.
pub fn operators() -> impl Iterator<Item = &'static Operator> {
    TABLES.iter().copied().flatten()
}

/// The row of this text-format name.
pub fn operator(name: &str) -> Option<&'static Operator> {
    operators().find(|operator| operator.name == name)
}

/// The row of this binary spelling.
pub fn operator_of_opcode(opcode: Opcode) -> Option<&'static Operator> {
    operators().find(|operator| operator.opcode == opcode)
}

/// The name in the table that is most like `name`, for error messages; none when more than half of
/// it is wrong.
pub fn nearest_operator(name: &str) -> Option<&'static str> {
    let distance = |known| strsim::damerau_levenshtein(name, known);
    let nearest = operators().map(|operator| operator.name).min_by_key(|known| distance(known))?;
    (distance(nearest) * 2 <= name.chars().count()).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// One operator as `wasmparser::for_each_operator!` states it.
    struct Known {
        ident: &'static str,
        proposal: &'static str,
        arguments: &'static str,
        arity: &'static str,
    }

    macro_rules! known {
        ($(
            @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident
            ($($arity:tt)*)
        )*) => {
            &[$(Known {
                ident: stringify!($op),
                proposal: stringify!($proposal),
                arguments: concat!($($(stringify!($arg), " ",)*)?),
                arity: stringify!($($arity)*),
            }),*]
        };
    }

    const KNOWN: &[Known] = wasmparser::for_each_operator!(known);

    fn row(known: &Known) -> Option<&'static Operator> {
        operators().find(|op| op.ident == known.ident)
    }

    #[test]
    fn every_operator_has_exactly_one_row_or_excuse() {
        assert!(KNOWN.len() > 600, "the macro gave {} operators", KNOWN.len());
        for known in KNOWN {
            let rows = operators().filter(|op| op.ident == known.ident).count();
            let excuses = EXCUSES.iter().filter(|excuse| excuse.ident == known.ident).count();
            assert_eq!(rows + excuses, 1, "{}: {rows} rows, {excuses} excuses", known.ident);
        }
        assert_eq!(operators().count() + EXCUSES.len(), KNOWN.len(), "rows of unknown operators");
    }

    #[test]
    fn every_excuse_has_a_reason() {
        for excuse in EXCUSES {
            assert!(excuse.reason.len() > 20, "{}: {:?}", excuse.ident, excuse.reason);
            assert!(!excuse.reason.contains("  "), "{}: {:?}", excuse.ident, excuse.reason);
        }
    }

    #[test]
    fn rows_agree_with_wasmparser_on_proposals() {
        for known in KNOWN {
            if let Some(op) = row(known) {
                assert_eq!(op.proposal.name(), known.proposal.replace('_', "-"), "{}", op.name);
            }
        }
    }

    #[test]
    fn rows_agree_with_wasmparser_on_arity() {
        let mut stated = 0;
        for known in KNOWN {
            let (Some(op), Some((params, results))) = (row(known), known.arity.split_once("->"))
            else {
                continue;
            };
            let params: usize = params.trim().trim_start_matches("arity ").parse().unwrap();
            let results: usize = results.trim().parse().unwrap();
            assert_eq!((op.params.len(), op.results.len()), (params, results), "{}", op.name);
            stated += 1;
        }
        assert!(stated > 500, "only {stated} arities were compared");
    }

    #[test]
    fn rows_agree_with_wasmparser_on_memory_arguments() {
        for known in KNOWN {
            if let Some(op) = row(known) {
                let wanted = known.arguments.split(' ').any(|argument| argument == "memarg");
                assert_eq!(op.immediates.contains(&Immediate::MemArg), wanted, "{}", op.name);
                let other = op.access.is_some_and(|access| access.kind == AccessKind::Bulk);
                assert_eq!(op.access.is_some(), wanted || other, "{}", op.name);
            }
        }
    }

    #[test]
    fn names_and_opcodes_are_unique() {
        let count = operators().count();
        assert_eq!(operators().map(|op| op.name).collect::<BTreeSet<_>>().len(), count);
        assert_eq!(operators().map(|op| op.opcode).collect::<BTreeSet<_>>().len(), count);
        for op in operators() {
            assert_eq!(operator(op.name), Some(op));
            assert_eq!(operator_of_opcode(op.opcode), Some(op));
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
            assert!(op.name.chars().all(plain), "{:?} would not parse", op.name);
        }
        for op in operators().step_by(16) {
            assert_eq!(nearest_operator(op.name), Some(op.name));
        }
    }

    #[test]
    fn operators_that_touch_memory_or_divide_can_trap() {
        for op in operators() {
            let divides = op.name.contains(".div_") || op.name.contains(".rem_");
            assert!(op.can_trap || !(divides || op.access.is_some()), "{}", op.name);
        }
        assert!(!operator("i32.add").unwrap().can_trap);
        assert!(operator("i64.trunc_f64_s").unwrap().can_trap);
        assert!(!operator("i64.trunc_sat_f64_s").unwrap().can_trap);
    }
}
