//! What a hunt tries next.
//!
//! First comes a small module of every shape. Then chance decides between following the most promising
//! track and trying something new: a recipe out of nothing, a step from an elite, or a known recipe put
//! right at one of its limits. What is decided needs the state; what is built does not, so that seats
//! do not wait for each other.

use super::state::{Goal, Start, State};
use super::track::{Suspicion, Track, Way};
use super::{Guide, Hunt};
use crate::limits;
use crate::oracles::Costs;
use crate::recipe::{Proximity, Recipe};
use crate::shapes::{self, SHAPES};
use arbitrary::{Result, Unstructured};

/// A module that nobody has scaled up yet has at most so many bytes.
const SMALL_BYTES: u64 = 16 << 10;

/// Modules are not scaled to more than so many bytes: twice the largest function.
const LARGE_BYTES: u64 = 16 << 20;

/// Entropy of one proposal, in bytes.
const ENTROPY_BYTES: usize = 16 << 10;

/// The share of the cost that tracks may have; the rest is for what is new.
const FOLLOWED: f64 = 0.6;

/// Where the limits are tried, and a little before them.
const EDGES: [Proximity; 5] = [
    Proximity::At,
    Proximity::Above(1),
    Proximity::Below(1),
    Proximity::Fraction(2_500),
    Proximity::Fraction(300),
];

/// A seed stands so near to its limit, in basis points.
const SEED_AT: Proximity = Proximity::Fraction(10);

/// A module is not put at its limit where that is foretold to take longer, in seconds.
const EDGE_SECONDS: f64 = 2.5;

/// What a plain byte of Wasm takes, in seconds.
const SECONDS_PER_BYTE: f64 = 1.2e-6;

/// What was decided.
pub(super) enum Draft {
    /// The seed of that number.
    Seed(usize),
    Fresh,
    Mutate(Recipe, Option<Recipe>),
    /// A limit of a recipe.
    Edge(Recipe),
    /// The beginning of a track: a recipe, on a backend, what it cost.
    Start(Recipe, usize, Costs),
    /// The ladder of a track.
    Ladder(Box<Track>, Suspicion),
    /// The next size of a track.
    Follow(Box<Track>, u64, Recipe),
}

/// What is to be run.
pub(super) struct Proposal {
    pub(super) recipe: Recipe,
    pub(super) backend: usize,
    pub(super) goal: Goal,
    /// The number of the case.
    pub(super) number: u64,
}

/// The entropy of a case: of the seed, the shard and the number alone.
fn entropy(hunt: &Hunt<'_>, number: u64, what: &str) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    let (shard, shards) = hunt.options.shard;
    for word in [hunt.options.seed, shard, shards, number] {
        hasher.update(&word.to_le_bytes());
    }
    hasher.update(what.as_bytes());
    let mut bytes = vec![0; ENTROPY_BYTES];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// Every shape with each of its axes, in the order of the table.
pub(super) fn seeds() -> Vec<(usize, usize)> {
    let axes = |shape: usize| 0..SHAPES[shape].axes().len().max(1);
    (0..SHAPES.len()).flat_map(|shape| axes(shape).map(move |axis| (shape, axis))).collect()
}

/// Decides what case `number` is.
pub(super) fn draft(state: &mut State, hunt: &Hunt<'_>, number: u64) -> Draft {
    if let Some(seed) = state.seeds.pop_front() {
        return Draft::Seed(seed);
    }
    let bytes = entropy(hunt, number, "draft");
    decide(state, hunt, &mut Unstructured::new(&bytes)).unwrap_or(Draft::Fresh)
}

fn decide(state: &mut State, hunt: &Hunt<'_>, u: &mut Unstructured<'_>) -> Result<Draft> {
    if state.spent.0 < FOLLOWED * (state.spent.0 + state.spent.1)
        && let Some(draft) = follow(state, hunt)
    {
        return Ok(draft);
    }
    let drawn = state.archive.draw(u)?.cloned();
    let other = state.archive.draw(u)?.cloned();
    Ok(match (u.int_in_range(0u8..=9)?, drawn) {
        (0..=2, _) | (_, None) => Draft::Fresh,
        (3..=6, Some(recipe)) => Draft::Mutate(recipe, other),
        (_, Some(recipe)) => Draft::Edge(recipe),
    })
}

/// The most promising track, or a new one where none is under way.
fn follow(state: &mut State, hunt: &Hunt<'_>) -> Option<Draft> {
    if !hunt.has_time() {
        state.tracks.clear();
    }
    // A start that promises more than any track comes first.
    let start = state.best_start(hunt);
    while let Some(track) = state.most_promising(hunt, start.as_ref().map_or(f64::MIN, |s| s.0)) {
        let backend = &hunt.options.backends[track.backend];
        let known = |pass: &str, resource| state.knows_cost(backend, pass, resource, hunt.guide);
        match track.next(hunt.guide, &hunt.options.budget, &known) {
            Way::On(up, recipe) => return Some(Draft::Follow(Box::new(track), up, recipe)),
            Way::Ladder(suspicion) => {
                return Some(Draft::Ladder(Box::new(track), suspicion));
            }
            Way::End => {}
        }
    }
    let Start { recipe, backend, costs, .. } = state.starts.remove(start?.1)?;
    *state.tried.entry(recipe.shape.clone()).or_default() += 1;
    Some(Draft::Start(recipe, backend, costs))
}

/// Builds what was decided; `None` where nothing comes of it.
pub(super) fn propose(draft: Draft, hunt: &Hunt<'_>, number: u64) -> Option<Proposal> {
    let bytes = entropy(hunt, number, "proposal");
    let u = &mut Unstructured::new(&bytes);
    let backend = u.choose_index(hunt.options.backends.len()).ok()?;
    let proposal = |recipe, goal| Some(Proposal { recipe, backend, goal, number });
    match draft {
        Draft::Seed(seed) => proposal(seed_recipe(seed, &hunt.options.known)?, Goal::Seed),
        Draft::Fresh => proposal(shapes::fresh(SMALL_BYTES, u).ok()?, Goal::Fresh),
        Draft::Mutate(recipe, other) => {
            let child = shapes::mutate(&recipe, other.as_ref(), SMALL_BYTES, u).ok()?;
            proposal(child, Goal::Mutated)
        }
        Draft::Edge(recipe) => proposal(edge(&recipe, u)?, Goal::Edge),
        Draft::Start(recipe, backend, costs) => {
            let (recipe, goal) = start(recipe, backend, costs, hunt.guide, u)?;
            Some(Proposal { recipe, backend, goal, number })
        }
        Draft::Ladder(track, suspicion) => {
            super::verdicts::begin_ladder(hunt, &track, &suspicion);
            None
        }
        Draft::Follow(track, up, recipe) => {
            let backend = track.backend;
            Some(Proposal { recipe, backend, goal: Goal::Track(track, up), number })
        }
    }
}

fn seed_recipe(seed: usize, known: &[Recipe]) -> Option<Recipe> {
    if let Some(recipe) = known.get(seed) {
        return Some(recipe.clone());
    }
    let &(shape, axis) = seeds().get(seed - known.len())?;
    let shape = SHAPES[shape];
    let plain = shapes::default_recipe(shape);
    let Some(axis) = shape.axes().get(axis) else { return Some(plain) };
    Some(shapes::resolve(shape, axis, SEED_AT, &plain).unwrap_or(plain))
}

/// The recipe right at one of its limits, as far as that is foretold not to take long.
fn edge(recipe: &Recipe, u: &mut Unstructured<'_>) -> Option<Recipe> {
    let shape = shapes::shape(&recipe.shape)?;
    let axis = u.choose(shape.axes()).ok()?;
    let first = u.choose_index(EDGES.len()).ok()?;
    let limit = limits::limit(axis.limit)?;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let is_near = |at: &&Proximity| {
        at.value(limit.min, limit.target()) as f64 * SECONDS_PER_BYTE < EDGE_SECONDS
    };
    EDGES[first..].iter().filter(is_near).find_map(|at| {
        let recipe = shapes::resolve(shape, axis, *at, recipe).ok()?;
        let bytes = shapes::build(&recipe).ok()?.bytes.len();
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let seconds = bytes as f64 * SECONDS_PER_BYTE;
        (seconds < EDGE_SECONDS).then_some(recipe)
    })
}

/// The beginning of a track along counts drawn from all that can be scaled.
fn start(
    recipe: Recipe,
    backend: usize,
    costs: Costs,
    guide: Guide,
    u: &mut Unstructured<'_>,
) -> Option<(Recipe, Goal)> {
    let sets = shapes::scalable(&recipe);
    let scaled = u.choose(&sets).ok()?.clone();
    let size = shapes::within_limits(&recipe)?;
    let largest = shapes::largest(&recipe, &scaled, LARGE_BYTES)?;
    let up = if guide == Guide::Counters { 4 } else { 8 };
    let next = shapes::scale(&recipe, &scaled, up, 1);
    let points = vec![(size, costs)];
    let track = Track { base: recipe, scaled, backend, largest, up: 1, points };
    shapes::within_limits(&next)?;
    Some((next, Goal::Track(Box::new(track), up)))
}
