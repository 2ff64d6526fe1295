//! Where fuzzers start: small recipes that differ, the same on every machine.
//!
//! A step of a fuzzer's mutator keeps the shape, so each shape is there once; units are drawn from
//! its name. Targets that look at accesses to memory, or run them, start from the matrix of operators
//! and loads.

use crate::limits::LIMITS;
use crate::recipe::Recipe;
use crate::shapes::{self, SHAPES, Shape, leb};
use crate::width::{self, Depth};
use std::collections::BTreeMap;

/// Modules of seeds are at most this large, in bytes: a fuzzer is through them in moments.
pub const SEED_BYTES_MAX: u64 = 512;

/// What an input of a fuzzer expands to is at most this large, in bytes: what a compiler makes of it
/// must stay below 25 seconds and 2 GB under AddressSanitizer.
pub const FUZZED_BYTES_MAX: u64 = 8 << 10;

/// Seeds of accesses: enough to have every form of address, memory and operand width.
const ACCESS_SEEDS: usize = 48;

/// The sets of seeds by their names.
pub fn seeds() -> Vec<(&'static str, Vec<Recipe>)> {
    let recipes = SHAPES.iter().map(|shape| of_shape(*shape)).collect();
    let all = accesses();
    let stride = all.len().div_ceil(ACCESS_SEEDS).max(1);
    vec![("accesses", all.into_iter().step_by(stride).collect()), ("recipes", recipes)]
}

/// A dictionary for libFuzzer: every limit, one less and one more, as recipes and modules spell numbers.
pub fn dictionary() -> String {
    let mut numbers = BTreeMap::new();
    for limit in LIMITS {
        let target = limit.target();
        for number in [target.saturating_sub(1), target, target.saturating_add(1)] {
            numbers.entry(number).or_insert(limit.id);
        }
    }
    let mut text =
        "# Limits, one less and one more, as LEB128. Made by `brink corpus seeds`.\n".to_owned();
    for (number, id) in numbers {
        let mut bytes = Vec::new();
        leb(number, &mut bytes);
        let spelt: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        text += &format!("# {id}: {number}\n\"{spelt}\"\n");
    }
    text
}

/// A recipe of a shape that is about as large as a seed may be, where a count makes it so.
fn of_shape(shape: &dyn Shape) -> Recipe {
    let plain = shapes::shrunk(&shapes::default_recipe(shape), SEED_BYTES_MAX);
    let unit = shape.unit().and_then(|kind| shapes::seeded_unit(shape.id(), kind, 0));
    let drawn = unit.map(|unit| plain.clone().with_unit(unit));
    let fits = |recipe: &Recipe| shapes::within_limits(recipe).is_some_and(|b| b <= SEED_BYTES_MAX);
    let recipe = drawn.filter(fits).unwrap_or(plain);
    let ways = shapes::scalable(&recipe);
    let Some(way) = ways.first() else { return recipe };
    let sizes = (0..4).map(|halvings| SEED_BYTES_MAX >> halvings);
    let mut larger = sizes.filter_map(|bytes| shapes::largest(&recipe, way, bytes));
    let small = larger.find(|(larger, _)| shapes::small(larger, SEED_BYTES_MAX).is_some());
    small.map_or(recipe, |(larger, _)| larger)
}

/// The units of the matrix that can be run at the end of memory, each as a recipe.
pub fn accesses() -> Vec<Recipe> {
    let batches = width::batches(Depth::One, None).also_plain();
    let of_batch = |batch: width::Batch| {
        let recipe = move |point: &width::Point| {
            let (unit, addressing) = &point.units[0];
            shapes::accesses_recipe(unit, *addressing, batch.memory)
        };
        batch.points.iter().map(recipe).collect::<Vec<Recipe>>()
    };
    batches.flat_map(of_batch).filter(|it| shapes::accesses_unit(it).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_shape_is_there_once_and_small() {
        for (set, recipes) in seeds() {
            let ids: BTreeSet<_> = recipes.iter().map(Recipe::id).collect();
            assert_eq!(ids.len(), recipes.len(), "{set} has a recipe twice");
            for recipe in &recipes {
                let small = shapes::small(recipe, FUZZED_BYTES_MAX);
                assert!(small.is_some(), "{recipe} is past what fuzzers try");
            }
        }
        let shapes: BTreeSet<String> = seeds()[1].1.iter().map(|it| it.shape.clone()).collect();
        assert_eq!(shapes.len(), SHAPES.len());
    }
}
