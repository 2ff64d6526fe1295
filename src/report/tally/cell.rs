//! A cell of the final table: how far a shape got on a backend.

use crate::outcome::{EngineVerdict, Termination};
use crate::recipe::Proximity;

/// How far a shape got on a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The nearest proximity at which the engine answered and all was well.
    pub reached: Option<Proximity>,
    /// The first ending that was a violation, and where.
    pub trouble: Option<(String, Proximity)>,
    /// Whether the backend could not take any of the shape's modules.
    pub not_applicable: bool,
    /// Jobs that ended without an answer of the engine and prove nothing: neither success nor
    /// trouble.
    pub unknown: u64,
    /// Jobs that ended.
    pub jobs: u64,
}

impl Cell {
    pub(super) fn note(&mut self, termination: &Termination, at: Proximity, violations: &[String]) {
        let first = self.jobs == 0;
        self.jobs += 1;
        let not_applicable = matches!(
            termination,
            Termination::Completed { verdict: EngineVerdict::NotApplicable { .. } }
        );
        self.not_applicable = not_applicable && (first || self.not_applicable);
        if not_applicable {
            return;
        }
        // Not applicable is out of the way: what has completed was accepted or refused.
        let answered = matches!(termination, Termination::Completed { .. });
        if violations.is_empty() {
            if answered {
                self.reached = self.reached.max(Some(at));
            } else {
                self.unknown += 1;
            }
        } else if self.trouble.as_ref().is_none_or(|(_, nearer)| at < *nearer) {
            self.trouble = Some((termination.name().to_owned(), at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Clock, Phase, Refusal, RefusalKind};

    fn refused() -> Termination {
        let kind = RefusalKind::ImplementationLimit;
        let refusal = Refusal { phase: Phase::Compile, kind, message: String::new() };
        Termination::Completed { verdict: EngineVerdict::Refused { refusal } }
    }

    #[test]
    fn a_cell_keeps_the_nearest_success_and_the_first_trouble() {
        let mut cell = Cell::default();
        let timeout = Termination::TimedOut { clock: Clock::Cpu };
        let lacking = Termination::Completed {
            verdict: EngineVerdict::NotApplicable { reason: String::new() },
        };
        cell.note(&lacking, Proximity::Min, &[]);
        assert!(cell.not_applicable);
        cell.note(&refused(), Proximity::Fraction(100), &[]);
        assert!(!cell.not_applicable);
        cell.note(&timeout, Proximity::At, &["x".to_owned()]);
        cell.note(&timeout, Proximity::Fraction(5_000), &["x".to_owned()]);
        assert_eq!(cell.reached, Some(Proximity::Fraction(100)));
        assert_eq!(cell.trouble, Some(("timeout".to_owned(), Proximity::Fraction(5_000))));
        assert_eq!((cell.unknown, cell.jobs), (0, 4));
    }

    #[test]
    fn an_ending_that_proves_nothing_is_neither_success_nor_trouble() {
        let mut cell = Cell::default();
        let endings = [
            Termination::Ambiguous,
            Termination::Infrastructure { message: String::new() },
            Termination::TimedOut { clock: Clock::Wall },
        ];
        endings.iter().for_each(|ending| cell.note(ending, Proximity::At, &[]));
        assert_eq!((cell.reached, &cell.trouble, cell.unknown), (None, &None, 3));
        cell.note(&refused(), Proximity::Min, &[]);
        assert_eq!((cell.reached, cell.unknown), (Some(Proximity::Min), 3));
    }
}
