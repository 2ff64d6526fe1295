//! What a module is heavy in: the limit that it presses on the most.
//!
//! Two shapes that press on the same limit and cost the same pass too much are one cause, and so are
//! two sizes of one shape; the measured [`Usage`] says so without knowing shapes. The measure is the
//! share of the limit that is used, with three rules that keep it the same at every size:
//!
//! * Limits on one item (results of a function, fields of a struct) do not grow with a module. From
//!   a small part of the limit on (`AMPLIFIES`) they are what the rest of the module multiplies, and
//!   bytes do not outweigh them.
//! * Bytes come last. Everything takes bytes, so a body or a module counts as merely large only
//!   where no count keeps pace with its bytes (`KEEPS_PACE`).
//! * Pages of memory cost a compiler nothing and never count.
//!
//! A false split is possible where two shapes press on different limits and share a cause; a false
//! merge where one limit is pressed on in two ways that cost one pass too much.

use crate::limits::{self, Usage};

/// Limits in bytes, or in what amounts to bytes.
const BULK: &[&str] = &["function-body-bytes", "module-bytes", "type-size"];

/// Limits on each item by itself, the cause before what it brings along: results of a call are the
/// parameters of what takes them, and values go into blocks through functions.
const PER_ITEM: &[&str] = &[
    "block-params",
    "block-results",
    "function-results",
    "struct-fields",
    "array-operands",
    "catches",
    "const-expr-ops",
    "name-bytes",
    "subtype-depth",
    "rec-group-types",
    "function-params",
];

/// Limits on what costs nothing to compile.
const FREE: &[&str] = &["memory32-pages", "memory64-pages"];

/// The share of a limit on one item from which it amplifies: 16 parameters are more than code
/// commonly has, and a depth of a few is none.
const AMPLIFIES: f64 = 1.0 / 64.0;

/// Fewer of anything are what every module has: one memory is a hundredth of its limit.
const FEW: u64 = 16;

/// Something keeps pace with the bytes when the share of its limit is at least this part of the
/// share of theirs.
const KEEPS_PACE: f64 = 1.0 / 16.0;

/// The id of the limit that the module presses on the most; `nothing` for one that uses none.
pub fn heavy_in(usage: &Usage) -> &'static str {
    let share = |id: &str| {
        let target = limits::limit(id).map_or(1, limits::Limit::target).max(1);
        usage.get(id) as f64 / target as f64
    };
    // The first of equals.
    let most = |ids: &mut dyn Iterator<Item = &'static str>| {
        ids.map(|id| (id, share(id))).fold(None, |most: Option<(&'static str, f64)>, next| {
            if most.is_none_or(|most| next.1 > most.1) { Some(next) } else { most }
        })
    };
    let used = || usage.iter().map(|(id, _)| id).filter(|id| !FREE.contains(id));
    let amplifies = |id: &&str| share(id) >= AMPLIFIES && usage.get(id) >= FEW;
    let per_item = PER_ITEM.iter().copied().filter(amplifies);
    let many = |id: &&str| usage.get(id) >= FEW;
    let counts = used().filter(|id| !BULK.contains(id) && !PER_ITEM.contains(id)).filter(many);
    let special = most(&mut per_item.chain(counts));
    let bulk = most(&mut used().filter(|id| BULK.contains(id)));
    match (special, bulk) {
        (Some((id, _)), _) if PER_ITEM.contains(&id) => id,
        (Some((id, share)), Some((_, bytes))) if share >= bytes * KEEPS_PACE => id,
        (_, Some((id, _))) | (Some((id, _)), None) => id,
        (None, None) => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;
    use crate::shapes;

    fn of(shape: &str, params: &[(&str, u64)]) -> &'static str {
        let base = shapes::default_recipe(shapes::shape(shape).unwrap());
        let recipe =
            params.iter().fold(base, |recipe: Recipe, (name, value)| recipe.with(name, *value));
        heavy_in(&shapes::build(&recipe).unwrap().facts.usage)
    }

    #[test]
    fn sizes_of_one_cause_are_heavy_in_the_same_way() {
        for calls in [30_000, 190_000, 1_900_000] {
            assert_eq!(of("calls-results", &[("calls", calls)]), "function-results", "{calls}");
        }
        for depth in [20_000, 400_000, 2_551_439] {
            assert_eq!(of("nest", &[("depth", depth)]), "nesting-depth", "{depth}");
        }
        for count in [3_000, 60_000, 600_000] {
            assert_eq!(of("repeat", &[("count", count)]), "function-body-bytes", "{count}");
        }
        for count in [1_000, 30_000, 100_000] {
            assert_eq!(of("tags-used", &[("count", count)]), "tags", "{count}");
        }
    }

    #[test]
    fn shapes_of_one_cause_are_heavy_in_the_same_way_and_others_are_not() {
        let blocks = of("blocks-params", &[("blocks", 10_000)]);
        assert_eq!(blocks, "block-params");
        assert_eq!(of("blocks-params", &[("blocks", 600_000)]), blocks);
        assert_eq!(of("diamonds", &[("count", 30_000), ("params", 1_000)]), blocks);
        assert_eq!(of("types-used", &[("count", 200_000)]), "types");
        assert_eq!(of("locals", &[("locals", 24_999)]), "function-locals");
        assert_eq!(of("operand-stack", &[("pushes", 191_357)]), "operand-stack");
    }

    #[test]
    fn an_empty_module_is_heavy_in_nothing() {
        assert_eq!(heavy_in(&Usage::new()), "nothing");
    }
}
