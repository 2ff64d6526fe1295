//! The matrix: every operator that takes a value, fed by every load that makes one.
//!
//! Nothing is picked by hand: rows come from the operator table. A case is a unit: a load, the
//! operator with the load's result at one of its operands, and a sink. Addresses take turns, so
//! that every load meets every form of address, offset and memory; or each unit has them all.

mod units;

use self::units::{may_change_memory, stands_alone, units_of};
use crate::ops::{
    ADDRESSED_NEIGHBOURS, AccessKind, AddressForm, Addressing, Offset, PARAMS_PER_TYPE, Prelude,
    Proposal, Unit,
};
use crate::shapes::{MemoryForm, accesses_all_needed};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::LazyLock;

/// Functions in one module of the matrix: few enough to share modules among processors, enough that
/// the cost of a job is lost in them.
const BATCH: usize = 500;

/// Units in one module, for the same reasons, where functions have several.
const BATCH_UNITS: usize = 1000;

/// Units in one function, where they may stand together: a function costs a compiler more than a
/// unit does. No two of them name the same place.
const POINT_UNITS: usize = ADDRESSED_NEIGHBOURS as usize;

/// Points that are looked at for one with room for more units.
const OPEN_POINTS: usize = 16;

/// One function of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    /// The units, one after the other, and how each makes its addresses.
    pub units: Vec<(Unit, Addressing)>,
}

impl Point {
    /// Whether units whose addresses are all made one way may stand here as well, so that a
    /// compiler still needs every load by itself.
    fn takes(&self, units: &[Unit], addressing: Addressing) -> bool {
        let added = units.iter().map(|unit| (unit, addressing));
        let mut all = self.units.iter().map(|(unit, there)| (unit, *there)).chain(added);
        self.units.len() + units.len() <= POINT_UNITS
            && loads_stay_apart(all.clone())
            && !all.any(|(unit, there)| stands_alone(unit, there.offset))
    }
}

/// Whether between any two units that may have one address, something may have changed what is
/// there. Without an offset, neighbours take the parameters that addresses are made from in turns.
fn loads_stay_apart<'a>(units: impl Iterator<Item = (&'a Unit, Addressing)>) -> bool {
    let mut loaded = 0_u32;
    for ((unit, Addressing { form, offset }), param) in units.zip((0..PARAMS_PER_TYPE).cycle()) {
        if offset == Offset::Zero && form != AddressForm::Const {
            let place = 1 << (form as u32 * PARAMS_PER_TYPE + param);
            if loaded & place != 0 {
                return false;
            }
            loaded |= place;
        }
        if may_change_memory(unit) {
            loaded = 0;
        }
    }
    true
}

/// Points that go into one module: they need the same memory and the same proposals.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The memory.
    pub memory: MemoryForm,
    /// What an engine must have.
    pub proposals: BTreeSet<Proposal>,
    /// The points; each is a function, in order.
    pub points: Vec<Point>,
}

impl Batch {
    /// The point of a function, by its index in the module.
    pub fn point(&self, function: u32) -> Option<&Point> {
        let imports = usize::try_from(self.imports()).ok()?;
        self.points.get(usize::try_from(function).ok()?.checked_sub(imports)?)
    }

    fn imports(&self) -> u32 {
        let units: Vec<&Unit> =
            self.points.iter().flat_map(|point| &point.units).map(|(unit, _)| unit).collect();
        Prelude::for_any_addressing(&units, false, false).counts().functions
    }
}

/// How many operators stand between a load and its sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// One.
    One,
    /// Two: an operator fed by an operator fed by a load.
    Two,
}

/// The batches of the matrix, made as they are asked for; with `only`, of units with that operator.
pub fn batches(depth: Depth, only: Option<&str>) -> Batches {
    Batches {
        units: units_of(depth),
        only: only.map(str::to_owned),
        turns: BTreeMap::new(),
        open: BTreeMap::new(),
        full: VecDeque::new(),
        plain: false,
        every_address: false,
    }
}

/// Points by the place of their memory in [`MemoryForm::ALL`], whether a compiler needs all their
/// accesses, and what they need.
type Groups = BTreeMap<(usize, bool, BTreeSet<Proposal>), Vec<Point>>;

/// See [`batches`].
pub struct Batches {
    units: Box<dyn Iterator<Item = Vec<Unit>> + Send>,
    only: Option<String>,
    /// By load, which addresses its next units have.
    turns: BTreeMap<&'static str, usize>,
    /// What does not fill a module yet.
    open: Groups,
    /// What does.
    full: VecDeque<Batch>,
    /// Whether units come with plain addresses as well, each in a function of its own: the first trap
    /// ends a call. Units of different operators then share no function at all.
    plain: bool,
    /// Whether units come with every form of address, offset and memory, and not with the one whose turn
    /// it is.
    every_address: bool,
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        while self.full.is_empty() {
            let Some(units) = self.units.next() else { break };
            self.add(&units);
        }
        if let Some(full) = self.full.pop_front() {
            return Some(full);
        }
        let ((memory, _, proposals), points) = self.open.pop_first()?;
        Some(Batch { memory: MemoryForm::ALL[memory], proposals, points })
    }
}

impl Batches {
    /// As well as with addresses of the form whose turn it is, has each unit with the plainest ones:
    /// those that reach every byte around the end of memory.
    #[must_use]
    pub fn also_plain(self) -> Batches {
        Batches { plain: true, ..self }
    }

    /// Has each unit with every form of address, offset and memory: three dozen times as many.
    #[must_use]
    pub fn at_every_address(self) -> Batches {
        Batches { every_address: true, ..self }
    }

    /// Adds a group of units.
    fn add(&mut self, units: &[Unit]) {
        let Some(first) = units.first() else { return };
        let turn = self.turns.entry(first.steps()[0].op.name).or_default();
        let place = *turn % FORMS.len();
        *turn += 1;
        // Turns are dealt before, so that a part of the matrix is a part of it.
        let has = |name: &String| first.steps().iter().any(|step| step.op.name == name);
        if !self.only.as_ref().is_none_or(has) {
            return;
        }
        for &(addressing, memory) in
            if self.every_address { &FORMS[..] } else { &FORMS[place..=place] }
        {
            // With the next offset it comes anyway.
            let comes_again = addressing.offset == Offset::Zero && repeats_itself(first);
            if !(self.every_address && comes_again) {
                self.put(units, addressing, memory);
            }
        }
        if self.plain {
            let plain = Addressing { form: AddressForm::Local, offset: Offset::Zero };
            self.put(&units[..1], plain, 0);
        }
    }

    /// Adds a group of units with addresses and a memory of these forms.
    fn put(&mut self, units: &[Unit], mut addressing: Addressing, memory: usize) {
        let first = &units[0];
        if addressing.offset == Offset::Zero && repeats_itself(first) {
            addressing.offset = Offset::Small;
        }
        let group = units.iter().map(|unit| (unit, addressing));
        let one_by_one = stands_alone(first, addressing.offset)
            || (self.plain && addressing.offset == Offset::Zero)
            || !loads_stay_apart(group);
        let key = (memory, accesses_all_needed(first, addressing), first.proposals());
        let points = self.open.entry(key.clone()).or_default();
        for units in units.chunks(if one_by_one { 1 } else { units.len() }) {
            let addressed = units.iter().map(|unit| (unit.clone(), addressing));
            let mut open = points.iter_mut().rev().take(OPEN_POINTS);
            match open.find(|point| !self.plain && point.takes(units, addressing)) {
                Some(point) => point.units.extend(addressed),
                None => points.push(Point { units: addressed.collect() }),
            }
        }
        let units: usize = points.iter().map(|point| point.units.len()).sum();
        if points.len() >= BATCH || (units >= BATCH_UNITS && !self.plain) {
            let points = std::mem::take(points);
            let memory = MemoryForm::ALL[memory];
            self.full.push_back(Batch { memory, proposals: key.2, points });
        }
    }
}

/// Every way to address, in an order in which neighbours differ in everything.
static FORMS: LazyLock<Vec<(Addressing, usize)>> = LazyLock::new(|| {
    let (forms, offsets, memories) =
        (AddressForm::ALL.len(), Offset::ALL.len(), MemoryForm::ALL.len());
    let each = |at: usize| {
        let form = AddressForm::ALL[at % forms];
        let offset = Offset::ALL[(at + at / (forms * offsets)) % offsets];
        (Addressing { form, offset }, at / forms % memories)
    };
    (0..forms * offsets * memories).map(each).collect()
});

/// Whether a unit would access the same bytes twice without need if all its accesses had the same
/// address: a load after a load, a store of what was just loaded from there, two results stored.
fn repeats_itself(unit: &Unit) -> bool {
    let steps = unit.steps();
    let after = steps.iter().skip(1).filter_map(|step| step.op.access).collect::<Vec<_>>();
    after.iter().any(|access| access.kind != AccessKind::Store)
        || (steps.len() == 2 && !after.is_empty())
        || steps.iter().any(|step| step.op.results.len() > 1)
}

#[cfg(test)]
mod tests;
