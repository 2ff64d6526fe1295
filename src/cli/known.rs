//! Known issues on the command line: which list, what of it a run met, what it should have met.

use super::Exit;
use crate::campaign::{Event, Subject};
use crate::engines::Backend;
use crate::oracles::Violation;
use crate::report::Known;
use crate::triage::{KnownIssues, Signature, Standing};
use anyhow::{Context, Result};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[derive(Args, Clone, Debug)]
pub(super) struct KnownOpts {
    /// A list of known issues, in place of the one that comes with brink
    #[arg(long, value_name = "FILE")]
    known_issues: Option<PathBuf>,
}

impl KnownOpts {
    /// The list.
    pub(super) fn read(&self) -> Result<KnownIssues> {
        let Some(path) = &self.known_issues else { return Ok(KnownIssues::builtin()) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("read the known issues in {}", path.display()))?;
        KnownIssues::from_toml(&text)
            .with_context(|| format!("read the known issues in {}", path.display()))
    }
}

/// What the list says of a violation on a backend.
pub(super) fn standing(
    issues: &KnownIssues,
    violation: &Violation,
    signature: &Signature,
    backend: &Backend,
) -> Option<Known> {
    let (issue, is_back) = match issues.standing(violation, signature, backend) {
        Standing::New => return None,
        Standing::Known(issue) => (issue, false),
        Standing::Back(issue) => (issue, true),
    };
    Some(Known { id: issue.id.clone(), address: issue.address.clone(), is_back })
}

/// The exit code of what was found; `None` for nothing.
pub(super) fn exit<'k>(findings: impl Iterator<Item = Option<&'k Known>>) -> Option<Exit> {
    findings
        .map(|known| match known {
            Some(Known { is_back: false, .. }) => Exit::Known,
            Some(Known { is_back: true, .. }) | None => Exit::Found,
        })
        .reduce(|all, one| if all == Exit::Found { all } else { one })
}

/// Looks on while a run goes, for what it meets of the list and what it should have met.
#[derive(Debug, Default)]
pub(super) struct Watch {
    issues: KnownIssues,
    met: BTreeSet<String>,
    /// By issue, a case that had to show it and did not.
    missed: BTreeMap<String, String>,
}

impl Watch {
    pub(super) fn new(issues: KnownIssues) -> Watch {
        Watch { issues, ..Watch::default() }
    }

    /// Takes an event into account; what is known of it, where it is a finding.
    pub(super) fn see(&mut self, event: &Event) -> Option<Known> {
        if let Event::Found { finding } = event {
            let known =
                standing(&self.issues, &finding.violation, &finding.signature, &finding.backend)?;
            self.met.insert(known.id.clone());
            return Some(known);
        }
        if let Event::JobEnded { subject, backend, outcome, violations, .. } = event
            && let Subject::Recipe(recipe) = subject
            && violations.is_empty()
            && outcome.says_something()
            && outcome.termination.name() != "not-applicable"
        {
            for issue in self.issues.iter().filter(|issue| issue.must_show(recipe, backend)) {
                let case = || format!("{recipe} on {backend}");
                self.missed.entry(issue.id.clone()).or_insert_with(case);
            }
        }
        None
    }

    /// Entries that the run had to meet and did not.
    pub(super) fn stale(&self) -> Vec<String> {
        let missed = self.missed.iter().filter(|(id, _)| !self.met.contains(*id));
        missed
            .map(|(id, case)| {
                format!(
                    "{id}: {case} had to show it and went well; is its range of releases right?"
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(is_back: bool) -> Known {
        Known { id: "x".to_owned(), address: String::new(), is_back }
    }

    #[test]
    fn one_new_finding_outweighs_all_known_ones() {
        let (known, back) = (note(false), note(true));
        assert_eq!(exit([].into_iter()), None);
        assert_eq!(exit([Some(&known), Some(&known)].into_iter()), Some(Exit::Known));
        assert_eq!(exit([Some(&known), None, Some(&known)].into_iter()), Some(Exit::Found));
        assert_eq!(exit([Some(&known), Some(&back)].into_iter()), Some(Exit::Found));
    }
}
