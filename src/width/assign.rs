//! Gives machine accesses the Wasm accesses that they stand for, so that as many as possible have
//! one, and none is given twice.

use std::cell::OnceCell;
use std::collections::BTreeSet;

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

    /// Loads from farther away that are as wide; asked where nothing nearer is left.
    fn far(&self, machine: usize) -> Vec<usize>;
}

/// By machine access, the Wasm access that it stands for, of which there are `accesses`.
pub(super) fn assign(
    choices: &dyn Choices,
    machines: usize,
    accesses: usize,
) -> Vec<Option<usize>> {
    let mut state = State {
        choices,
        candidates: std::iter::repeat_with(OnceCell::new).take(machines).collect(),
        far: std::iter::repeat_with(OnceCell::new).take(machines).collect(),
        taken_by: vec![None; accesses],
    };
    let mut open = Vec::new();
    for machine in 0..machines {
        match choices.own(machine) {
            Some(own) if state.taken_by[own].is_none() => state.taken_by[own] = Some(machine),
            _ => open.push(machine),
        }
    }
    let mut stands_for = vec![None; machines];
    for machine in open {
        if !state.place(machine, &mut BTreeSet::new()) {
            stands_for[machine] = state.candidates(machine).again;
        }
    }
    for (place, machine) in state.taken_by.iter().enumerate() {
        if let Some(machine) = machine {
            stands_for[*machine] = Some(place);
        }
    }
    stands_for
}

struct State<'a> {
    choices: &'a dyn Choices,
    candidates: Vec<OnceCell<Candidates>>,
    far: Vec<OnceCell<Vec<usize>>>,
    /// By Wasm access, the machine access that stands for it.
    taken_by: Vec<Option<usize>>,
}

impl State<'_> {
    fn candidates(&self, machine: usize) -> &Candidates {
        self.candidates[machine].get_or_init(|| self.choices.candidates(machine))
    }

    /// The choice of that number; nearer ones come first.
    fn choice(&self, machine: usize, number: usize) -> Option<usize> {
        let near = &self.candidates(machine).fitting;
        near.get(number).copied().or_else(|| {
            let far = self.far[machine].get_or_init(|| self.choices.far(machine));
            far.get(number - near.len()).copied()
        })
    }

    /// Finds a place for a machine access, moving others where they have another choice.
    fn place(&mut self, machine: usize, seen: &mut BTreeSet<usize>) -> bool {
        for number in 0.. {
            let Some(place) = self.choice(machine, number) else { break };
            if !seen.insert(place) {
                continue;
            }
            let free = match self.taken_by[place] {
                None => true,
                Some(other) => self.place(other, seen),
            };
            if free {
                self.taken_by[place] = Some(machine);
                return true;
            }
        }
        false
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

        fn far(&self, machine: usize) -> Vec<usize> {
            self.0[machine].2.clone()
        }
    }

    #[test]
    fn one_that_has_another_choice_makes_room() {
        // The first is taken for its own access, but could as well be the load before it.
        let table = Table(vec![(Some(1), vec![1, 0], vec![]), (None, vec![1], vec![])]);
        assert_eq!(assign(&table, 2, 2), [Some(0), Some(1)]);
    }

    #[test]
    fn what_is_far_is_taken_last() {
        let table = Table(vec![(Some(1), vec![1], vec![0]), (None, vec![1], vec![])]);
        assert_eq!(assign(&table, 2, 3), [Some(0), Some(1)]);
        let table = Table(vec![(Some(1), vec![1], vec![]), (None, vec![1], vec![])]);
        assert_eq!(assign(&table, 2, 2), [Some(1), None], "there is only one");
    }
}
