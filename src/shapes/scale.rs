//! A recipe at other sizes: scaled along its counts, up to its limits.

use super::mutate::{counts, set, value};
use super::{build, check, shape};
use crate::limits::Expectation;
use crate::recipe::Recipe;

/// The recipe with these parameters `up / down` times as large, as far as their ranges let them.
pub fn scale(recipe: &Recipe, params: &[String], up: u64, down: u64) -> Recipe {
    let Some(shape) = shape(&recipe.shape) else { return recipe.clone() };
    let mut scaled = recipe.clone();
    for param in shape.params().iter().filter(|param| params.iter().any(|p| p == param.name)) {
        let moved = u128::from(value(recipe, param)) * u128::from(up) / u128::from(down.max(1));
        scaled = set(&scaled, param, u64::try_from(moved).unwrap_or(u64::MAX));
    }
    scaled
}

/// A doubling of its counts makes a module at least this many times as large, in tenths, where the
/// counts are what the module mostly consists of.
const DOUBLED_TENTHS_MIN: u64 = 15;

/// The sets of one or two parameters that the size of the module is in proportion to.
pub fn scalable(recipe: &Recipe) -> Vec<Vec<String>> {
    let size = |recipe: &Recipe| build(recipe).map_or(0, |module| module.bytes.len());
    let now = size(recipe);
    let (Some(shape), true) = (shape(&recipe.shape), now > 0) else { return Vec::new() };
    let names: Vec<&str> = counts(shape).filter(|p| value(recipe, p) > 0).map(|p| p.name).collect();
    let mut sets: Vec<Vec<String>> = names.iter().map(|name| vec![(*name).to_owned()]).collect();
    for (at, first) in names.iter().enumerate() {
        for second in &names[at + 1..] {
            sets.push(vec![(*first).to_owned(), (*second).to_owned()]);
        }
    }
    sets.retain(|set| {
        let doubled = scale(recipe, set, 2, 1);
        check(&doubled).is_ok()
            && set.iter().all(|name| doubled.params.get(name) != recipe.params.get(name))
            && size(&doubled).saturating_mul(10) >= now.saturating_mul(DOUBLED_TENTHS_MIN)
    });
    sets
}

/// Whether the recipe's module is within every limit, and how large it is.
pub fn within_limits(recipe: &Recipe) -> Option<u64> {
    let module = build(recipe).ok()?;
    (module.facts.expectation() == Expectation::Accept).then(|| module.bytes.len())
}

/// The recipe with these parameters as large as they can become together within all limits and
/// `bytes_max` bytes, to about a twentieth, and the size of its module. `None` where it is past a
/// limit as it is.
pub fn largest(recipe: &Recipe, params: &[String], bytes_max: u64) -> Option<(Recipe, u64)> {
    // In sixteenths: the last doubling that fits, then halves between it and the one that does not.
    const PARTS: u64 = 16;
    let of = |up: u64| {
        let scaled = scale(recipe, params, up, PARTS);
        let bytes = within_limits(&scaled).filter(|bytes| *bytes <= bytes_max)?;
        Some((scaled, bytes))
    };
    let (mut low, mut high, mut best) = (PARTS, 2 * PARTS, of(PARTS)?);
    while let Some(found) = of(high).filter(|found| found.0 != best.0) {
        (low, high, best) = (high, high.saturating_mul(2), found);
    }
    while high - low > low / PARTS {
        let middle = low + (high - low) / 2;
        match of(middle) {
            Some(found) => (low, best) = (middle, found),
            None => high = middle,
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::{SHAPES, default_recipe};

    #[test]
    fn the_counts_that_a_module_consists_of_are_found() {
        let recipe = default_recipe(SHAPES[0]).with("count", 1_000);
        assert!(scalable(&recipe).contains(&vec!["count".to_owned()]), "{:?}", scalable(&recipe));
        let doubled = scale(&recipe, &["count".to_owned()], 2, 1);
        assert_eq!(doubled.params["count"], 2_000);
        assert_eq!(scale(&doubled, &["count".to_owned()], 1, 2), recipe);
    }

    #[test]
    fn the_largest_of_its_kind_is_near_the_limit_and_within_it() {
        let recipe = default_recipe(SHAPES[0]);
        let (found, bytes) = largest(&recipe, &["count".to_owned()], u64::MAX).unwrap();
        assert_eq!(within_limits(&found), Some(bytes));
        assert!((7_000_000..7_700_000).contains(&bytes), "{bytes} bytes");
        let (_, bytes) = largest(&recipe, &["count".to_owned()], 100_000).unwrap();
        assert!((90_000..=100_000).contains(&bytes), "{bytes} bytes");
    }

    #[test]
    fn what_is_past_a_limit_is_not_within_all_of_them() {
        let recipe = default_recipe(SHAPES[0]);
        assert!(within_limits(&recipe).is_some());
        assert_eq!(within_limits(&recipe.with("count", 7_654_321)), None);
    }
}
