//! The accesses of a function, and which loads feed which operators.

use super::to_usize;
use crate::ops::{Access, Operator};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// An operand that more loads than this feed is not traced.
const FEEDERS_MAX: usize = 64;

/// Values of locals that are looked at for what feeds an operand from afar, in all of a function.
const FAR_MAX: usize = 1 << 20;

/// One operator that accesses linear memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct WasmAccess {
    /// Its offset in the module.
    pub(super) position: u32,
    /// Its row.
    pub(super) operator: &'static Operator,
    /// What it accesses.
    pub(super) access: Access,
}

/// The accesses of a function, in order, and what feeds what.
#[derive(Default)]
pub(super) struct Accesses {
    /// The accesses, by position.
    pub(super) all: Vec<WasmAccess>,
    /// What feeds the operands of operators, by their positions, ascending.
    pub(super) feeders: Vec<(u32, Rc<Feeds>)>,
    /// By local, all values that it was given, with their positions.
    pub(super) given: Vec<Vec<(u32, Fed)>>,
    /// How many of them were looked at.
    looked_at: Cell<usize>,
}

/// Where a value comes from, as far as loads are concerned; they are places among the accesses.
///
/// A load is sunk into a consumer in the same stretch of straight code. But an optimiser may move
/// the consumer there from farther on, so what was loaded earlier may feed it too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Feeds {
    /// Loads in the same stretch of straight code, ascending.
    pub(super) near: Vec<u32>,
    /// Loads before it.
    far: Vec<u32>,
    /// Locals whose earlier values feed it.
    locals: Vec<u32>,
    /// Whether there are more than are kept.
    pub(super) too_many: bool,
}

/// What feeds a value; mostly nothing.
pub(super) type Fed = Option<Rc<Feeds>>;

/// What feeds a value that is made of others.
pub(super) fn join(one: Fed, other: Fed) -> Fed {
    match (one, other) {
        (Some(mut one), Some(other)) => {
            if !Rc::ptr_eq(&one, &other) {
                Rc::make_mut(&mut one).add(&other);
            }
            Some(one)
        }
        (one, other) => one.or(other),
    }
}

/// What is left of it where a stretch of straight code ends.
pub(super) fn receded(fed: Fed) -> Fed {
    let mut feeds = fed?;
    if !feeds.near.is_empty() {
        let feeds = Rc::make_mut(&mut feeds);
        let near = std::mem::take(&mut feeds.near);
        feeds.add(&Feeds { far: near, ..Feeds::default() });
    }
    Some(feeds)
}

impl Feeds {
    /// A load.
    pub(super) fn of_load(place: u32) -> Feeds {
        Feeds { near: vec![place], ..Feeds::default() }
    }

    /// What a local was given before.
    pub(super) fn of_local(local: u32) -> Feeds {
        Feeds { locals: vec![local], ..Feeds::default() }
    }

    fn add(&mut self, other: &Feeds) {
        self.too_many |= other.too_many;
        for (own, others) in [
            (&mut self.near, &other.near),
            (&mut self.far, &other.far),
            (&mut self.locals, &other.locals),
        ] {
            for &item in others {
                if let Err(at) = own.binary_search(&item) {
                    own.insert(at, item);
                }
            }
            if own.len() > FEEDERS_MAX {
                own.clear();
                self.too_many = true;
            }
        }
    }
}

impl Accesses {
    /// What feeds the operator at a position.
    pub(super) fn feeding(&self, position: u32) -> Option<&Feeds> {
        let at = self.feeders.binary_search_by_key(&position, |(position, _)| *position).ok()?;
        Some(&self.feeders[at].1)
    }

    /// The loads in earlier stretches of code that may feed the operator at a position; `None` where
    /// too much would have to be looked at.
    pub(super) fn feeding_from_far(&self, position: u32) -> Option<Vec<u32>> {
        let Some(feeds) = self.feeding(position) else { return Some(Vec::new()) };
        let mut loads: BTreeSet<u32> = feeds.far.iter().copied().collect();
        let mut open = feeds.locals.clone();
        let mut seen: BTreeSet<u32> = open.iter().copied().collect();
        while let Some(local) = open.pop() {
            let given = self.given.get(to_usize(local)).map(|given| &given[..]).unwrap_or_default();
            let before = given.iter().take_while(|(at, _)| *at < position);
            for feeds in before.filter_map(|(_, fed)| fed.as_ref()) {
                self.looked_at.set(self.looked_at.get() + 1);
                if self.looked_at.get() > FAR_MAX {
                    return None;
                }
                loads.extend(feeds.near.iter().chain(&feeds.far));
                open.extend(feeds.locals.iter().filter(|local| seen.insert(**local)));
            }
        }
        Some(loads.into_iter().collect())
    }

    /// The place in `all` of the access at a position.
    pub(super) fn at(&self, position: u32) -> Option<usize> {
        self.all.binary_search_by_key(&position, |access| access.position).ok()
    }
}
