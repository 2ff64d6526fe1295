//! What tells recipes apart without compiling them: shape, class of operator, and how near the module
//! comes to which limit.
//!
//! Where nobody can say what code a recipe covers, this stands for it: a set of recipes that has a
//! feature keeps one recipe that has it.

use super::{build, shape};
use crate::limits;
use crate::ops::AccessKind;
use crate::recipe::{Recipe, UnitText};
use std::collections::BTreeSet;

/// How near a use of a limit is to it: in powers of sixteen below it, then one below, at and past it.
fn nearness(used: u64, target: u64) -> String {
    match used {
        _ if used > target => "past".to_owned(),
        _ if used == target => "at".to_owned(),
        _ if used + 1 == target => "at-1".to_owned(),
        _ => format!("1/16^{}", (target / used.max(1)).max(1).ilog2() / 4),
    }
}

/// The classes of a recipe's operators: what introduced them, and how they access memory.
fn classes(recipe: &Recipe) -> BTreeSet<String> {
    let Some(UnitText(unit)) = &recipe.unit else { return BTreeSet::from(["none".to_owned()]) };
    let class = |op: &crate::ops::Operator| {
        let access = match op.access.map(|access| access.kind) {
            None => "",
            Some(AccessKind::Load) => " load",
            Some(_) => " other access",
        };
        format!("{:?}{access}", op.proposal)
    };
    unit.steps().iter().map(|step| class(step.op)).collect()
}

/// The features of a recipe, as texts; none of one that does not fit its shape.
pub fn features(recipe: &Recipe) -> BTreeSet<String> {
    let (Some(shape), Ok(module)) = (shape(&recipe.shape), build(recipe)) else {
        return BTreeSet::new();
    };
    let near = shape.axes().iter().filter_map(|axis| {
        let limit = limits::limit(axis.limit)?;
        let used = module.facts.usage.get(axis.limit);
        Some(format!("{} {}", axis.limit, nearness(used, limit.target())))
    });
    // A shape that presses on no limit has its operators all the same.
    let near: Vec<String> = near.chain(["any".to_owned()]).collect();
    let classes = classes(recipe);
    let each = |class: &String| {
        let of = |near: &String| format!("{} | {class} | {near}", recipe.shape);
        near.iter().map(of).collect::<Vec<String>>()
    };
    classes.iter().flat_map(each).collect()
}

/// The recipes without those all of whose features smaller ones have.
pub fn minimised(recipes: Vec<Recipe>) -> Vec<Recipe> {
    let size = |recipe: &Recipe| build(recipe).map_or(u64::MAX, |module| module.bytes.len());
    let mut sized: Vec<(u64, Recipe)> = recipes.into_iter().map(|it| (size(&it), it)).collect();
    sized.sort();
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Recipe> = sized.into_iter().map(|(_, recipe)| recipe).collect();
    kept.retain(|recipe| {
        let before = seen.len();
        seen.extend(features(recipe));
        seen.len() > before
    });
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::{SHAPES, default_recipe};

    #[test]
    fn every_shape_has_features_of_its_own() {
        let all: BTreeSet<String> =
            SHAPES.iter().flat_map(|shape| features(&default_recipe(*shape))).collect();
        for shape in SHAPES {
            assert!(all.iter().any(|it| it.starts_with(&format!("{} | ", shape.id()))));
        }
        assert!(features(&Recipe::new("nothing")).is_empty());
    }

    #[test]
    fn nearness_tells_the_edges_of_a_limit_apart() {
        let of = |used| nearness(used, 1_000);
        let all = [0, 10, 500, 999, 1_000, 1_001].map(of);
        assert_eq!(all, ["1/16^2", "1/16^1", "1/16^0", "at-1", "at", "past"]);
    }

    #[test]
    fn the_smallest_recipe_with_a_feature_is_kept() {
        let repeat = default_recipe(SHAPES[0]);
        let of = |count| repeat.clone().with("count", count);
        // The first two differ by less than a power of sixteen of the limit.
        let kept = minimised(vec![of(41), of(40), of(10_000), of(41)]);
        assert_eq!(kept, [of(40), of(10_000)]);
    }
}
