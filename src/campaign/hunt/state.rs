//! What a running hunt keeps in mind.

mod work;

use super::archive::{Archive, Cell, Merit, dominant};
use super::cause::Cause;
use super::track::{Suspicion, Track, promise};
use super::{Guide, Hunt, HuntOptions};
use crate::campaign::Court;
use crate::campaign::confirming::Footing;
use crate::engines::Backend;
use crate::oracles::{Costs, Resource};
use crate::outcome::{Outcome, Termination};
use crate::recipe::Recipe;
use crate::sandbox::Task;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) use self::work::{Accused, Attempt, Goal, Measured, Running, Start};

/// Modules below this many bytes say nothing of a cost per byte.
const TELLING_SIZE: u64 = 256;

/// Beginnings and tracks that wait; more than these would never have their turn.
const STARTS_MAX: usize = 256;
const TRACKS_MAX: usize = 64;

/// The state that all seats share.
pub(super) struct State {
    ids: u64,
    /// Cases so far.
    pub(super) number: u64,
    pub(super) planned: u64,
    pub(super) seeds: VecDeque<usize>,
    pub(super) building: usize,
    pub(super) ready: VecDeque<Task>,
    pub(super) running: BTreeMap<u64, Running>,
    pub(super) archive: Archive,
    /// Elites that have not been scaled yet.
    pub(super) starts: VecDeque<Start>,
    /// How often each shape was scaled up.
    pub(super) tried: BTreeMap<String, u32>,
    /// What tracks and what new cases have cost so far, in seconds or what stands for them.
    pub(super) spent: (f64, f64),
    /// Tracks that wait for their turn, with what they promise.
    pub(super) tracks: Vec<Track>,
    pub(super) confirming: BTreeMap<u64, Accused>,
    pub(super) measured: BTreeMap<u64, Measured>,
    /// What a module costs on each backend that has nothing in it: the least so far.
    floors: BTreeMap<usize, Costs>,
    /// Causes that were found or are being confirmed.
    pub(super) causes: BTreeSet<Cause>,
    /// Knows their signatures: two causes may have one, which is one finding.
    pub(super) court: Court,
    pub(super) findings: u64,
    pub(super) footing: Footing,
}

/// What a case counts for that ran out of time, where clocks do not count.
const RAN_OUT_US: u64 = 10_000_000;

impl State {
    pub(super) fn new(options: &HuntOptions) -> State {
        let (shard, shards) = options.shard;
        let mine = |seed: &usize| *seed as u64 % shards == (shard - 1) % shards;
        State {
            ids: 0,
            number: 0,
            planned: 0,
            // They came first in what ran before.
            seeds: {
                let before = usize::try_from(options.first).unwrap_or(usize::MAX);
                let known = options.known.len();
                let shapes = (0..super::propose::seeds().len()).filter(mine);
                (0..known).chain(shapes.map(|shape| known + shape)).skip(before).collect()
            },
            building: 0,
            ready: VecDeque::new(),
            running: BTreeMap::new(),
            archive: Archive::default(),
            starts: VecDeque::new(),
            tried: BTreeMap::new(),
            // Tracks come first.
            spent: (0.0, 1.0),
            tracks: Vec::new(),
            confirming: BTreeMap::new(),
            measured: BTreeMap::new(),
            floors: BTreeMap::new(),
            causes: BTreeSet::new(),
            court: Court::default(),
            findings: 0,
            footing: Footing::default(),
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// Whether a cost of a pass is of a known cause. Where only counters guide the search, causes
    /// that were told by time must not.
    pub(super) fn knows_cost(
        &self,
        backend: &Backend,
        pass: &str,
        resource: Resource,
        guide: Guide,
    ) -> bool {
        let cause = match resource {
            // What allocates too much either takes too long or keeps too much.
            Resource::Time | Resource::Allocated => Resource::Time,
            Resource::Peak | Resource::Code => resource,
        };
        let cause = Cause::cost(backend, pass, &cause.to_string());
        (guide == Guide::Everything || !cause.is_of_time()) && self.causes.contains(&cause)
    }

    /// Offers a small module that was compiled to the archive; what takes a cell will be scaled.
    pub(super) fn offer(
        &mut self,
        recipe: &Recipe,
        backend: usize,
        outcome: &Outcome,
        guide: Guide,
    ) {
        let size = outcome.measurements.module_bytes;
        let Some(costs) = Costs::of(outcome) else { return };
        let floor = self.floors.entry(backend).or_insert_with(|| costs.clone());
        *floor = floor.clone().least(&costs);
        if size < TELLING_SIZE {
            return;
        }
        let costs = costs.less(floor);
        let mut is_elite = false;
        for resource in Resource::ALL {
            if guide == Guide::Counters && resource == Resource::Time {
                continue;
            }
            let part = dominant(&costs, resource);
            let cost = costs.total.get(&resource).copied().unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let score = cost as f64 / size as f64;
            let cell = Cell { backend, part, resource, merit: Merit::PerByte };
            is_elite |= self.archive.offer(cell, recipe, score);
        }
        if is_elite {
            self.starts.push_back(Start { recipe: recipe.clone(), backend, costs, size });
            if self.starts.len() > STARTS_MAX {
                self.starts.pop_front();
            }
        }
    }

    /// Notes what a case cost, for the balance between tracks and what is new.
    pub(super) fn spend(&mut self, goal: &Goal, outcome: &Outcome, guide: Guide) {
        let measured = &outcome.measurements;
        let ran_out = matches!(outcome.termination, Termination::TimedOut { .. });
        let us = match guide {
            Guide::Everything => measured.cpu_us,
            // How far it came until then differs from run to run.
            Guide::Counters if ran_out => RAN_OUT_US,
            // A microsecond of a compilation allocates about a kilobyte.
            Guide::Counters => measured.allocated_bytes / 1_000,
        };
        #[expect(clippy::cast_precision_loss, reason = "a balance")]
        let seconds = us as f64 / 1e6;
        match goal {
            Goal::Track(..) => self.spent.0 += seconds,
            // What every hunt begins with is no choice.
            Goal::Seed => {}
            Goal::Fresh | Goal::Mutated | Goal::Edge | Goal::Again => self.spent.1 += seconds,
        }
    }

    /// Takes the next size of a track into account.
    pub(super) fn advance(&mut self, mut track: Track, up: u64, outcome: &Outcome, guide: Guide) {
        let Some(costs) = Costs::of(outcome) else { return };
        let floor = self.floors.get(&track.backend);
        let costs = floor.map_or_else(|| costs.clone(), |floor| costs.less(floor));
        track.points.push((outcome.measurements.module_bytes, costs));
        track.up = up;
        if let Some(suspicion) = track.suspicion(guide, &|_, _| false) {
            let Suspicion { power, resource, pass } = suspicion;
            let cell = Cell { backend: track.backend, part: pass, resource, merit: Merit::Growth };
            self.archive.offer(cell, &track.base, power);
        }
        self.tracks.push(track);
    }

    /// An earlier part of the hunt ran this.
    pub(super) fn recall(
        &mut self,
        recipe: &Recipe,
        backend: usize,
        outcome: &Outcome,
        guide: Guide,
    ) {
        if outcome.measurements.module_bytes <= RECALLED_BYTES_MAX {
            self.offer(recipe, backend, outcome, guide);
        }
    }

    /// Takes the most promising track out, if it promises more than `least`; those that promise
    /// least of all are dropped where there are too many.
    pub(super) fn most_promising(&mut self, hunt: &Hunt<'_>, least: f64) -> Option<Track> {
        let of_track = |track: &Track| {
            let backend = &hunt.options.backends[track.backend];
            let known = |pass: &str, resource| self.knows_cost(backend, pass, resource, hunt.guide);
            track.promise(hunt.guide, &known)
        };
        let mut promises: Vec<(f64, usize)> =
            self.tracks.iter().enumerate().map(|(at, track)| (of_track(track), at)).collect();
        promises.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let &(best, at) = promises.first()?;
        if best < least {
            return None;
        }
        let track = self.tracks[at].clone();
        let kept: BTreeSet<usize> =
            promises[1..].iter().take(TRACKS_MAX).map(|(_, at)| *at).collect();
        let mut position = 0;
        self.tracks.retain(|_| {
            position += 1;
            kept.contains(&(position - 1))
        });
        Some(track)
    }

    /// What the most promising start promises, and where it is. A shape that was scaled before
    /// promises less: there are others.
    pub(super) fn best_start(&self, hunt: &Hunt<'_>) -> Option<(f64, usize)> {
        let of_start = |Start { recipe, backend, costs, size }: &Start| {
            let backend = &hunt.options.backends[*backend];
            let known = |pass: &str, resource| self.knows_cost(backend, pass, resource, hunt.guide);
            let tried = self.tried.get(&recipe.shape).copied().unwrap_or(0);
            promise(costs, *size, hunt.guide, &known) - f64::from(tried)
        };
        let promises = self.starts.iter().enumerate().map(|(at, start)| (of_start(start), at));
        promises.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
    }
}

/// Larger modules of an earlier part were scaled up from others.
const RECALLED_BYTES_MAX: u64 = 16 << 10;
