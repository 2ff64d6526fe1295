//! Gives machine accesses the Wasm accesses that they stand for, so that as many as possible have
//! one, and none is given twice.

use std::cell::OnceCell;
use std::collections::{HashMap, VecDeque};

/// Steps of the search for a place; one that takes more is given up.
const STEPS_MAX: usize = 10_000;

/// What a machine access may stand for, as places among the Wasm accesses of its function.
#[derive(Default)]
pub(super) struct Candidates {
    /// Whatever their width.
    pub(super) all: Vec<usize>,
    /// Those that are as wide and do the same.
    pub(super) fitting: Vec<usize>,
    /// One that may be done more than once.
    pub(super) again: Option<usize>,
    /// Whether there can be no others.
    pub(super) sure: bool,
}

/// What is known of the machine accesses of a function; asked only where it matters.
pub(super) trait Choices {
    /// The access of its own operator, where that fits.
    fn own(&self, machine: usize) -> Option<usize>;

    /// All that it may stand for.
    fn candidates(&self, machine: usize) -> Candidates;

    /// Loads from farther away that are as wide; asked where nothing nearer is left. `None` where
    /// there are too many.
    fn far(&self, machine: usize) -> Option<Vec<usize>>;
}

/// What a machine access stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// The Wasm access at that place.
    For(usize),
    /// None that is left.
    ForNothing,
    /// Too much had to be searched to say.
    Untold,
}

/// By machine access of `machines`, the Wasm access that it stands for, of which there are
/// `accesses`.
pub(super) fn assign(choices: &dyn Choices, machines: &[usize], accesses: usize) -> Vec<Stand> {
    let mut state = State {
        choices,
        known: HashMap::new(),
        held: HashMap::new(),
        taken_by: vec![None; accesses],
    };
    let mut open = Vec::new();
    for &machine in machines {
        match choices.own(machine) {
            Some(own) if state.taken_by[own].is_none() => state.take(own, machine),
            _ => open.push(machine),
        }
    }
    let mut others = HashMap::new();
    for machine in open {
        let stand = match state.place(machine, Reach::Near) {
            Stand::ForNothing => state.place(machine, Reach::Far),
            stand @ (Stand::For(_) | Stand::Untold) => stand,
        };
        if !matches!(stand, Stand::For(_)) {
            let again = state.known(machine).candidates.again;
            others.insert(machine, again.map_or(stand, Stand::For));
        }
    }
    let stand = |machine: &usize| {
        let other = || others.get(machine).copied().unwrap_or(Stand::Untold);
        state.held.get(machine).map_or_else(other, |&place| Stand::For(place))
    };
    machines.iter().map(stand).collect()
}

/// How far loads may be from what they feed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// In the same stretch of straight code.
    Near,
    /// Anywhere before it.
    Far,
}

/// What was asked about a machine access.
struct Known {
    candidates: Candidates,
    far: OnceCell<Option<Vec<usize>>>,
}

struct State<'a> {
    choices: &'a dyn Choices,
    known: HashMap<usize, Known>,
    /// By machine access, the Wasm access that it holds.
    held: HashMap<usize, usize>,
    /// By Wasm access, the machine access that holds it.
    taken_by: Vec<Option<usize>>,
}

impl State<'_> {
    fn take(&mut self, place: usize, machine: usize) {
        self.taken_by[place] = Some(machine);
        self.held.insert(machine, place);
    }

    fn known(&mut self, machine: usize) -> &Known {
        self.known.entry(machine).or_insert_with(|| Known {
            candidates: self.choices.candidates(machine),
            far: OnceCell::new(),
        })
    }

    /// What it may stand for, nearer ones first; `None` where there is too much of it.
    fn reachable(&mut self, machine: usize, reach: Reach) -> Option<Vec<usize>> {
        let choices = self.choices;
        let known = self.known(machine);
        let mut all = known.candidates.fitting.clone();
        if reach == Reach::Far {
            all.extend(known.far.get_or_init(|| choices.far(machine)).as_ref()?);
        }
        Some(all)
    }

    /// Finds a place for a machine access, moving others where they have another choice: the
    /// shortest chain of moves.
    fn place(&mut self, machine: usize, reach: Reach) -> Stand {
        let mut wanted_by: HashMap<usize, usize> = HashMap::new();
        let mut queue = VecDeque::from([machine]);
        let mut steps = 0;
        while let Some(next) = queue.pop_front() {
            let Some(places) = self.reachable(next, reach) else { return Stand::Untold };
            for place in places {
                steps += 1;
                if steps > STEPS_MAX {
                    return Stand::Untold;
                }
                if wanted_by.contains_key(&place) {
                    continue;
                }
                wanted_by.insert(place, next);
                match self.taken_by[place] {
                    Some(other) => queue.push_back(other),
                    None => return self.shift(place, machine, &wanted_by),
                }
            }
        }
        Stand::ForNothing
    }

    /// Gives each place on the way to a free one to who wanted it.
    fn shift(&mut self, free: usize, first: usize, wanted_by: &HashMap<usize, usize>) -> Stand {
        let mut place = free;
        loop {
            let machine = wanted_by[&place];
            let left = self.held.get(&machine).copied();
            self.take(place, machine);
            match left {
                Some(left) if machine != first => place = left,
                _ => return Stand::For(place),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By machine access: its own, what fits, what fits from afar.
    struct Table(Vec<(Option<usize>, Vec<usize>, Vec<usize>)>);

    impl Choices for Table {
        fn own(&self, machine: usize) -> Option<usize> {
            self.0[machine].0
        }

        fn candidates(&self, machine: usize) -> Candidates {
            Candidates { fitting: self.0[machine].1.clone(), ..Candidates::default() }
        }

        fn far(&self, machine: usize) -> Option<Vec<usize>> {
            Some(self.0[machine].2.clone())
        }
    }

    #[test]
    fn one_that_has_another_choice_makes_room() {
        // The first is taken for its own access, but could as well be the load before it.
        let table = Table(vec![(Some(1), vec![1, 0], vec![]), (None, vec![1], vec![])]);
        assert_eq!(assign(&table, &[0, 1], 2), [Stand::For(0), Stand::For(1)]);
    }

    #[test]
    fn what_is_far_is_taken_last() {
        let table = Table(vec![(Some(1), vec![1], vec![0]), (None, vec![1], vec![])]);
        assert_eq!(assign(&table, &[0, 1], 3), [Stand::For(0), Stand::For(1)]);
        let table = Table(vec![(Some(1), vec![1], vec![]), (None, vec![1], vec![])]);
        assert_eq!(assign(&table, &[0, 1], 2), [Stand::For(1), Stand::ForNothing], "only one");
    }

    #[test]
    fn many_that_want_the_same_end_in_time() {
        let all: Vec<usize> = (0..3_000).collect();
        let rows = (0..3_001).map(|_| (None, all.clone(), vec![])).collect();
        let machines: Vec<usize> = (0..3_001).collect();
        let stands = assign(&Table(rows), &machines, 3_000);
        let placed = stands.iter().filter(|stand| matches!(stand, Stand::For(_))).count();
        assert_eq!((placed, stands[3_000]), (3_000, Stand::Untold));
    }
}
