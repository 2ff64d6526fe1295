//! Recipes from recipes: the steps that a search takes, and that a fuzzer's mutator can take.
//!
//! Costs and bugs near the limits sit on products of counts and on their edges, so the steps are the
//! size of a count: doubled, halved, drawn anew, or put right at a limit, one below or one past it.
//! Units are swapped whole, since their parts only make sense together. Every result fits its shape.

use super::random::draw;
use super::{Axis, Param, SHAPES, Shape, build, resolve, shape};
use crate::limits::limit;
use crate::ops::Unit;
use crate::recipe::{Proximity, Recipe, UnitText};
use arbitrary::{Arbitrary, Result, Unstructured};

/// Factors by which a count moves.
const FACTORS: &[(u64, u64)] = &[(2, 1), (1, 2), (4, 1), (1, 4), (16, 1), (1, 16)];

/// Where a count is put that a limit bounds.
const EDGES: [Proximity; 3] = [Proximity::Below(1), Proximity::At, Proximity::Above(1)];

/// The product of a small recipe's counts is at most so many times its bytes: some of what is counted
/// takes no byte of its own. A count alone may come to a limit so; several make work together.
const PRODUCT_TIMES: u64 = 8;
const PRODUCT_TIMES_OF_SEVERAL: u64 = 4;

/// A step is tried this often before a fresh recipe takes its place.
const ATTEMPTS: u32 = 8;

/// A recipe one or a few steps from `recipe`; `other` is what it may be crossed with. Its module is
/// at most `bytes_max` bytes.
pub fn mutate(
    recipe: &Recipe,
    other: Option<&Recipe>,
    bytes_max: u64,
    u: &mut Unstructured<'_>,
) -> Result<Recipe> {
    for _ in 0..ATTEMPTS {
        let mut child = recipe.clone();
        for _ in 0..u.int_in_range(1..=3)? {
            child = step(&child, other, bytes_max, u)?;
        }
        let child = reduced(&child, &|child| product_max(child, bytes_max), None);
        if child != *recipe && fits(&child, bytes_max) {
            return Ok(child);
        }
    }
    fresh(bytes_max, u)
}

/// A recipe out of nothing, whose module is at most `bytes_max` bytes; a plain one where none of the
/// first few is that small.
pub fn fresh(bytes_max: u64, u: &mut Unstructured<'_>) -> Result<Recipe> {
    for _ in 0..ATTEMPTS {
        let recipe = shrunk(&Recipe::arbitrary(u)?, bytes_max);
        if fits(&recipe, bytes_max) {
            return Ok(recipe);
        }
    }
    Ok(super::default_recipe(*u.choose(SHAPES)?))
}

/// The recipe with its counts halved, the greatest first, until their product is no more than
/// `bytes_max`: a module that is too large is better not built at all.
pub fn shrunk(recipe: &Recipe, bytes_max: u64) -> Recipe {
    reduced(recipe, &|_| bytes_max, None)
}

/// The same until the product is no more than `most`; the count `but` stays.
fn reduced(recipe: &Recipe, most: &dyn Fn(&Recipe) -> u64, but: Option<&str>) -> Recipe {
    let Some(shape) = shape(&recipe.shape) else { return recipe.clone() };
    let mut recipe = recipe.clone();
    while product(shape, &recipe) > most(&recipe) {
        let others = counts(shape).filter(|param| but != Some(param.name));
        let greatest = others.max_by_key(|param| value(&recipe, param));
        let Some(param) = greatest.filter(|param| value(&recipe, param) > param.min) else { break };
        recipe = set(&recipe, param, value(&recipe, param) / 2);
    }
    recipe
}

/// The parameters that are counts rather than choices.
pub(super) fn counts(shape: &dyn Shape) -> impl Iterator<Item = &'static Param> {
    shape.params().iter().filter(|param| param.max > COUNT_MAX_MIN)
}

fn product(shape: &dyn Shape, recipe: &Recipe) -> u64 {
    counts(shape).fold(1, |product, param| product.saturating_mul(value(recipe, param).max(1)))
}

/// The greatest product of its counts that a small recipe has.
fn product_max(recipe: &Recipe, bytes_max: u64) -> u64 {
    let Some(shape) = shape(&recipe.shape) else { return 0 };
    let several = counts(shape).filter(|param| value(recipe, param) > 1).count() > 1;
    bytes_max.saturating_mul(if several { PRODUCT_TIMES_OF_SEVERAL } else { PRODUCT_TIMES })
}

/// The size of a recipe's module, where it is at most `bytes_max` and its counts are no more than
/// [`mutate`] makes of it: what a small module makes a compiler do goes with their product.
pub fn small(recipe: &Recipe, bytes_max: u64) -> Option<u64> {
    if product(shape(&recipe.shape)?, recipe) > product_max(recipe, bytes_max) {
        return None;
    }
    build(recipe).ok().map(|module| module.bytes.len()).filter(|bytes| *bytes <= bytes_max)
}

/// Whether the recipe fits its shape and makes a module of at most `bytes_max` bytes.
fn fits(recipe: &Recipe, bytes_max: u64) -> bool {
    build(recipe).is_ok_and(|module| module.bytes.len() <= bytes_max)
}

fn step(
    recipe: &Recipe,
    other: Option<&Recipe>,
    bytes_max: u64,
    u: &mut Unstructured<'_>,
) -> Result<Recipe> {
    let Some(shape) = shape(&recipe.shape) else { return Ok(recipe.clone()) };
    let param = u.choose(shape.params())?;
    Ok(match u.int_in_range(0u8..=11)? {
        0..=2 => scaled(recipe, param, *u.choose(FACTORS)?),
        3 => set(recipe, param, draw(param, u)?),
        4..=7 => snapped(shape, recipe, bytes_max, u)?,
        8 => Recipe { seed: u64::from(u.arbitrary::<u8>()?), ..recipe.clone() },
        9 | 10 => with_new_unit(shape, recipe, u)?,
        _ => match other {
            Some(other) => crossed(recipe, other, u)?,
            None => scaled(recipe, param, *u.choose(FACTORS)?),
        },
    })
}

pub(super) fn value(recipe: &Recipe, param: &Param) -> u64 {
    recipe.params.get(param.name).copied().unwrap_or(param.default)
}

pub(super) fn set(recipe: &Recipe, param: &Param, value: u64) -> Recipe {
    recipe.clone().with(param.name, value.clamp(param.min, param.max))
}

fn scaled(recipe: &Recipe, param: &Param, (up, down): (u64, u64)) -> Recipe {
    let now = value(recipe, param);
    let moved = now.saturating_mul(up) / down;
    // From nothing, doubling leads nowhere.
    set(recipe, param, if moved == now { now.saturating_add(up / down) } else { moved })
}

/// One of the shape's limits, met, just missed or just passed.
fn snapped(
    shape: &'static dyn Shape,
    recipe: &Recipe,
    bytes_max: u64,
    u: &mut Unstructured<'_>,
) -> Result<Recipe> {
    // At a larger limit there would be more of everything than a small recipe has.
    let most = bytes_max.saturating_mul(PRODUCT_TIMES);
    let is_near = |axis: &&Axis| limit(axis.limit).is_some_and(|it| it.target() < most);
    let axes: Vec<&Axis> = shape.axes().iter().filter(is_near).collect();
    if axes.is_empty() {
        return Ok(recipe.clone());
    }
    let axis = *u.choose(&axes)?;
    let edge = *u.choose(&EDGES)?;
    let snapped = resolve(shape, axis, edge, recipe).unwrap_or_else(|_| recipe.clone());
    // What comes with it gives way, or the limit would.
    Ok(reduced(&snapped, &|it| product_max(it, bytes_max), Some(axis.param)))
}

fn with_new_unit(shape: &dyn Shape, recipe: &Recipe, u: &mut Unstructured<'_>) -> Result<Recipe> {
    match shape.unit() {
        Some(kind) => Ok(recipe.clone().with_unit(Unit::arbitrary(kind, u)?)),
        None => Ok(recipe.clone()),
    }
}

/// Takes from `other` what has the same name and fits: its unit, some of its counts.
fn crossed(recipe: &Recipe, other: &Recipe, u: &mut Unstructured<'_>) -> Result<Recipe> {
    let mut child = recipe.clone();
    if let (Some(UnitText(ours)), Some(UnitText(theirs))) = (&recipe.unit, &other.unit)
        && ours.kind() == theirs.kind()
        && u.arbitrary()?
    {
        child.unit.clone_from(&other.unit);
    }
    for (name, &theirs) in &other.params {
        let param = shape(&recipe.shape).and_then(|s| s.params().iter().find(|p| p.name == name));
        if let Some(param) = param
            && u.arbitrary()?
        {
            child = set(&child, param, theirs);
        }
    }
    Ok(child)
}

/// Parameters with no greater maximum than this are choices rather than counts.
const COUNT_MAX_MIN: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::{check, default_recipe};

    /// Bytes that look random, the same on every machine.
    fn entropy(seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; 4_096];
        blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn every_step_from_every_shape_fits_its_shape_and_the_size() {
        const BYTES_MAX: u64 = 1 << 16;
        let mut changed = 0;
        for seed in 0..600 {
            let bytes = entropy(seed);
            let mut u = Unstructured::new(&bytes);
            let at = usize::try_from(seed).unwrap();
            let parent = default_recipe(SHAPES[at % SHAPES.len()]);
            let other = default_recipe(SHAPES[(at * 7) % SHAPES.len()]);
            let child = mutate(&parent, Some(&other), BYTES_MAX, &mut u).unwrap();
            check(&child).unwrap();
            changed += u32::from(child != parent);
        }
        assert!(changed > 550, "only {changed} of 600 steps led anywhere");
    }

    #[test]
    fn steps_meet_limits_that_take_few_bytes_and_what_comes_with_them_gives_way() {
        let parent = default_recipe(shape("locals").unwrap()).with("pattern", 0).with("params", 2);
        let met = (0..400).filter(|&seed| {
            let child = mutate(&parent, None, 8 << 10, &mut Unstructured::new(&entropy(seed)));
            let module = build(&child.unwrap()).unwrap();
            assert!(module.bytes.len() <= 8 << 10);
            module.facts.usage.get("function-locals") == 50_000
        });
        assert!(met.count() > 20);
    }

    #[test]
    fn equal_entropy_takes_equal_steps() {
        let parent = default_recipe(SHAPES[0]);
        let child =
            |seed| mutate(&parent, None, 1 << 16, &mut Unstructured::new(&entropy(seed))).unwrap();
        assert_eq!(child(5), child(5));
        assert!((0..20).any(|seed| child(seed) != child(5)));
    }
}
