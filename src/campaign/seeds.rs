//! Where fuzzers start: small recipes that differ, the same on every machine.
//!
//! A step of a fuzzer's mutator keeps the shape, so each shape is there once; units are drawn from
//! its name. Targets that look at accesses to memory, or run them, start from the matrix of operators
//! and loads.

use super::{Case, Lab, Trial};
use crate::engines::Backend;
use crate::job::Budget;
use crate::limits::LIMITS;
use crate::recipe::Recipe;
use crate::shapes::{self, SHAPES, Shape, leb};
use crate::triage::KnownIssues;
use crate::width::{self, Depth};
use std::collections::BTreeMap;
use std::io;

/// Modules of seeds are at most this large, in bytes: a fuzzer is through them in moments.
pub const SEED_BYTES_MAX: u64 = 512;

/// What an input of a fuzzer expands to is at most this large, in bytes: what a compiler makes of it
/// must stay below 25 seconds and 2 GB under AddressSanitizer.
pub const FUZZED_BYTES_MAX: u64 = 8 << 10;

/// What its compiler may take. A job that needs more is a finding, well below the 25 seconds and 2 GB that
/// end a fuzzer: the rest is for the sanitizer and for what a fuzzer keeps.
pub const FUZZED_BUDGET: Budget = Budget::new(12, 768 << 20);

/// Sizes below the largest that are tried, each half of the one before.
const SEED_HALVINGS: u32 = 9;

/// What a compiler allocates for a seed is at most this much, in bytes: of what 48.0.8 allocates for the
/// sizes that are tried, none is within two hundredths of it.
const SEED_ALLOCATED_MAX: u64 = 960 << 10;

/// Seeds of accesses: enough to have every form of address, memory and operand width.
const ACCESS_SEEDS: usize = 48;

/// The sets of seeds by their names.
pub fn seeds() -> io::Result<Vec<(&'static str, Vec<Recipe>)>> {
    let mut lab = Lab::open(KnownIssues::builtin())?;
    let recipes = SHAPES.iter().map(|shape| of_shape(*shape, &mut lab));
    let recipes = recipes.collect::<io::Result<Vec<Recipe>>>()?;
    Ok(vec![("accesses", access_seeds()), ("recipes", recipes)])
}

/// The matrix at even distances.
fn access_seeds() -> Vec<Recipe> {
    let all = accesses();
    let stride = all.len().div_ceil(ACCESS_SEEDS).max(1);
    all.into_iter().step_by(stride).collect()
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

/// A recipe of a shape that is about as large as a seed may be, where a count makes it so, and whose
/// module is light work for a compiler: fuzzers keep no input that is slow.
fn of_shape(shape: &dyn Shape, lab: &mut Lab) -> io::Result<Recipe> {
    let of_size = |bytes: u64| {
        let plain = shapes::shrunk(&shapes::default_recipe(shape), bytes);
        let unit = shape.unit().and_then(|kind| shapes::seeded_unit(shape.id(), kind, 0));
        let drawn = unit.map(|unit| plain.clone().with_unit(unit));
        let fits = |recipe: &Recipe| shapes::within_limits(recipe).is_some_and(|b| b <= bytes);
        let recipe = drawn.filter(fits).unwrap_or(plain);
        let ways = shapes::scalable(&recipe);
        let largest = ways.first().and_then(|way| shapes::largest(&recipe, way, bytes));
        largest.map_or(recipe, |(larger, _)| larger)
    };
    let sizes = (0..SEED_HALVINGS).map(|halvings| SEED_BYTES_MAX >> halvings);
    let mut recipes = sizes.map(of_size);
    let is_light = |recipe: &Recipe| {
        shapes::small(recipe, SEED_BYTES_MAX).is_some()
            && allocated(recipe, lab).is_some_and(|bytes| bytes <= SEED_ALLOCATED_MAX)
    };
    let none = || io::Error::other(format!("no small recipe of {} is light work", shape.id()));
    recipes.find(is_light).ok_or_else(none)
}

/// What the built-in compiler allocates for it, in bytes, where it compiles: work that, unlike time, is
/// the same every time.
fn allocated(recipe: &Recipe, lab: &mut Lab) -> Option<u64> {
    let backend = "x86_64".parse::<Backend>().expect("the name of a backend");
    let case = Case::of_recipe(recipe).ok()?;
    let (outcome, _) = lab.try_case(&case, &backend, FUZZED_BUDGET, Trial::default());
    let bytes = outcome.measurements.allocated_bytes;
    (outcome.termination.name() == "accepted" && bytes > 0).then_some(bytes)
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
    use super::{ACCESS_SEEDS, FUZZED_BYTES_MAX, access_seeds};
    use crate::recipe::RecipeId;
    use crate::shapes;
    use std::collections::BTreeSet;

    #[test]
    fn the_seeds_of_accesses_are_many_differ_and_are_small() {
        let seeds = access_seeds();
        let ids: BTreeSet<RecipeId> = seeds.iter().map(|recipe| recipe.id()).collect();
        assert_eq!((seeds.len(), ids.len()), (ACCESS_SEEDS, ACCESS_SEEDS));
        assert!(seeds.iter().all(|recipe| shapes::small(recipe, FUZZED_BYTES_MAX).is_some()));
    }
}
