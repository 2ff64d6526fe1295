//! Parameters: each count to the least that shows it, alone and together.
//!
//! The first look goes up from the least value by factors, since small modules compile in no time
//! and a count near its limit takes seconds. Between a value that fails and one that holds, the
//! middle is that of their logarithms: it needs as many steps for 1% of a million as of a thousand.

use super::search::{Halt, PRECISION, Search};
use crate::recipe::Recipe;
use crate::shapes::{self, Param};
use std::cmp::Reverse;

/// The factor of the first look.
const STRIDE: u64 = 8;

/// Counts from this on are made smaller together.
const LARGE: u64 = 64;

/// A parameter with no more values than this is an option; any other is a count.
const OPTION_VALUES_MAX: u64 = 8;

fn is_option(param: &Param) -> bool {
    param.max - param.min < OPTION_VALUES_MAX
}

fn params_of(recipe: &Recipe) -> &'static [Param] {
    shapes::shape(&recipe.shape).map_or(&[], |shape| shape.params())
}

fn value_of(recipe: &Recipe, param: &Param) -> u64 {
    recipe.params.get(param.name).copied().unwrap_or(param.default)
}

/// Counts that could be less, the largest first.
fn open_counts(recipe: &Recipe) -> Vec<Param> {
    let open = |param: &&Param| !is_option(param) && value_of(recipe, param) > param.min;
    let mut open: Vec<Param> = params_of(recipe).iter().filter(open).copied().collect();
    open.sort_by_key(|param| Reverse(value_of(recipe, param) / param.min.max(1)));
    open
}

/// Those of them that are large enough to be made smaller in step with others; a small one, such as
/// the size of each of many groups, often says what is counted rather than how much.
fn large_counts(recipe: &Recipe) -> Vec<Param> {
    let mut open = open_counts(recipe);
    open.retain(|param| value_of(recipe, param) >= LARGE);
    open
}

/// Brings each count near the least that holds. In later rounds it only looks whether there is room
/// again.
pub(super) fn counts(search: &mut Search<'_>, round: u32) -> Result<(), Halt> {
    if round == 0 {
        all_from_below(search)?;
    }
    for param in open_counts(&search.recipe()) {
        if round == 0 {
            from_below(search, &param)?;
        } else {
            from_above(search, &param, PRECISION)?;
        }
    }
    Ok(())
}

/// Brings each count to the least that holds.
pub(super) fn exactly(search: &mut Search<'_>) -> Result<(), Halt> {
    for param in open_counts(&search.recipe()) {
        from_above(search, &param, 0.0)?;
    }
    Ok(())
}

/// Options and the seed: the least value that holds and makes a smaller module, from the least on.
/// Values of options have no order, so without that one is as good as another.
pub(super) fn options(search: &mut Search<'_>) -> Result<(), Halt> {
    let recipe = search.recipe();
    for param in params_of(&recipe).iter().filter(|param| is_option(param)) {
        for value in param.min..value_of(&search.recipe(), param) {
            let less = search.recipe().with(param.name, value);
            if is_smaller(&less, &search.recipe()) && search.recipe_holds(less)? {
                break;
            }
        }
    }
    let recipe = search.recipe();
    if recipe.seed != 0 {
        search.recipe_holds(Recipe { seed: 0, ..recipe })?;
    }
    Ok(())
}

/// All counts as much smaller as they can be together, so that the first look at each does not pay
/// for the size of the others.
fn all_from_below(search: &mut Search<'_>) -> Result<(), Halt> {
    let recipe = search.recipe();
    let open = large_counts(&recipe);
    let largest = open.iter().map(|param| value_of(&recipe, param)).max().unwrap_or(0);
    if open.len() < 2 {
        return Ok(());
    }
    for power in (1..=largest.max(1).ilog(STRIDE)).rev() {
        let smaller = open.iter().fold(recipe.clone(), |smaller, param| {
            let value = value_of(&recipe, param) / STRIDE.pow(power);
            smaller.with(param.name, value.max(param.min))
        });
        if search.recipe_holds(smaller)? {
            break;
        }
    }
    Ok(())
}

fn from_below(search: &mut Search<'_>, param: &Param) -> Result<(), Halt> {
    let value = value_of(&search.recipe(), param);
    let (mut failed, mut guess) = (None, param.min);
    while guess < value {
        let less = search.recipe().with(param.name, guess);
        if search.recipe_holds(less)? {
            break;
        }
        failed = Some(guess);
        guess = guess.saturating_mul(STRIDE).max(guess + 1);
    }
    match failed {
        Some(failed) => between(search, param, failed, PRECISION),
        None => Ok(()),
    }
}

/// Goes down from the value that holds by growing steps, the first of which is the precision.
fn from_above(search: &mut Search<'_>, param: &Param, precision: f64) -> Result<(), Halt> {
    let mut step = part(value_of(&search.recipe(), param), precision);
    loop {
        let value = value_of(&search.recipe(), param);
        if value == param.min {
            return Ok(());
        }
        let less = value.saturating_sub(step).max(param.min);
        let recipe = search.recipe().with(param.name, less);
        if !search.recipe_holds(recipe)? {
            return between(search, param, less, precision);
        }
        step = step.saturating_mul(2);
    }
}

/// Halves what is between a value that fails and the one that holds.
fn between(
    search: &mut Search<'_>,
    param: &Param,
    mut failed: u64,
    precision: f64,
) -> Result<(), Halt> {
    loop {
        let value = value_of(&search.recipe(), param);
        if value - failed <= part(value, precision) {
            return Ok(());
        }
        let middle = middle(failed, value);
        let recipe = search.recipe().with(param.name, middle);
        if !search.recipe_holds(recipe)? {
            failed = middle;
        }
    }
}

/// That part of a value, and at least one.
#[expect(clippy::cast_possible_truncation, reason = "a part of a count is no more than the count")]
fn part(value: u64, precision: f64) -> u64 {
    ((value as f64 * precision) as u64).max(1)
}

/// A value strictly between the two: the geometric middle where they are far apart.
fn middle(low: u64, high: u64) -> u64 {
    let arithmetic = low + (high - low) / 2;
    if high / 2 <= low {
        return arithmetic;
    }
    let product = u128::from(low.max(1)) * u128::from(high);
    u64::try_from(product.isqrt()).unwrap_or(arithmetic).clamp(low + 1, high - 1)
}

/// Counts whose product matters. When each alone is at its least, all of them may still be less
/// together, or one may be half as large when another is twice as large: then the smaller module
/// is the better case.
pub(super) fn together(search: &mut Search<'_>) -> Result<(), Halt> {
    if open_counts(&search.recipe()).len() < 2 {
        return Ok(());
    }
    while scale_all(search)? {}
    let open = open_counts(&search.recipe());
    for less in &open {
        for more in open.iter().filter(|more| more.name != less.name) {
            while exchange(search, less, more)? {}
        }
    }
    Ok(())
}

/// Halves all counts at once.
fn scale_all(search: &mut Search<'_>) -> Result<bool, Halt> {
    let recipe = search.recipe();
    let open = large_counts(&recipe);
    if open.len() < 2 {
        return Ok(false);
    }
    let halved = open.iter().fold(recipe.clone(), |halved, param| {
        halved.with(param.name, (value_of(&recipe, param) / 2).max(param.min))
    });
    search.recipe_holds(halved)
}

fn exchange(search: &mut Search<'_>, less: &Param, more: &Param) -> Result<bool, Halt> {
    let recipe = search.recipe();
    let (down, up) = (value_of(&recipe, less) / 2, value_of(&recipe, more).saturating_mul(2));
    if down < less.min || up > more.max || up == 0 {
        return Ok(false);
    }
    let exchanged = recipe.clone().with(less.name, down).with(more.name, up);
    Ok(is_smaller(&exchanged, &recipe) && search.recipe_holds(exchanged)?)
}

/// Whether a recipe makes a smaller module than another.
fn is_smaller(new: &Recipe, old: &Recipe) -> bool {
    match (shapes::build(new), shapes::build(old)) {
        (Ok(new), Ok(old)) => new.bytes.len() < old.bytes.len(),
        (Err(_), _) | (_, Err(_)) => false,
    }
}
