//! What a run's events amount to: the cells of the final table, the findings, the counts.

mod cell;
mod reason;

use super::cost_card::CostCard;
use crate::campaign::{Difference, Event, Finding};
use crate::engines::Backend;
use crate::outcome::Termination;
use crate::recipe::Proximity;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

pub(super) use self::cell::Cell;
pub(super) use self::reason::Reason;

/// What the list of known issues says of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The name.
    pub id: String,
    /// Where it was reported.
    pub address: String,
    /// Whether it is said to be fixed in this release, so that it is news.
    pub is_back: bool,
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Known { id, address, is_back } = self;
        match is_back {
            false => write!(f, "known issue {id}: {address}"),
            true => write!(f, "looks like {id}, which is fixed in this release: {address}"),
        }
    }
}

/// The sum of a run.
#[derive(Debug, Default)]
pub struct Tally {
    /// Backends in the order of the run.
    pub backends: Vec<String>,
    /// Rows in the order of their first job: a shape and the limit it is driven to, with the cells
    /// by backend.
    pub rows: Vec<(String, BTreeMap<String, Cell>)>,
    /// Findings in the order they were made.
    pub findings: Vec<Finding>,
    /// Those of them that are known, by their signatures.
    pub known: BTreeMap<String, Known>,
    /// Known issues that did not show where they had to, each a sentence.
    pub stale: Vec<String>,
    /// Cases of the regression corpus that differ, each once on each backend.
    pub differences: Vec<Difference>,
    /// Cases and backends of each violation by its signature.
    pub violations: BTreeMap<String, (u64, BTreeSet<String>)>,
    /// Jobs that ended.
    pub jobs: u64,
    /// Rounds of a campaign that ended.
    pub rounds: u64,
    /// The command that made the run.
    pub command: String,
    /// Jobs that ended in those.
    jobs_of_rounds: u64,
    /// Cases of each violation in those.
    cases_of_rounds: BTreeMap<String, u64>,
    /// Jobs that could not be judged, by reason.
    pub inconclusive: BTreeMap<String, Reason>,
    /// Cells that were left out, by reason.
    pub skipped: BTreeMap<String, Reason>,
    /// Wall, job CPU and child CPU time in milliseconds, and seats, of the last part of the run.
    pub time: Option<(u64, u64, u64, usize)>,
    /// Whether the run came to its end.
    pub complete: bool,
    /// The worst that modules cost.
    pub cost_card: CostCard,
    /// What came of each case, for the rows that share it.
    ended: HashMap<(String, Backend), (Termination, Vec<String>)>,
    /// Rows that wait for the end of a case that they share.
    waiting: HashMap<(String, Backend), Vec<(String, Proximity)>>,
}

impl Tally {
    /// Takes one event into account.
    pub fn add(&mut self, event: &Event) {
        self.cost_card.add(event);
        match event {
            Event::RunStarted { backends, arguments, .. } => {
                self.command = arguments.first().cloned().unwrap_or_default();
                self.backends = backends.iter().map(ToString::to_string).collect();
                self.complete = false;
                // A part that goes on skips anew what it still does not run.
                self.skipped.clear();
            }
            Event::JobEnded {
                line,
                at,
                subject,
                backend,
                outcome,
                violations,
                inconclusive,
                ..
            } => {
                self.jobs += 1;
                for reason in inconclusive {
                    let example = format!("{line} on {backend}: {reason}");
                    Reason::count(&mut self.inconclusive, reason, example);
                }
                for signature in violations {
                    let (cases, backends) = self.violations.entry(signature.clone()).or_default();
                    *cases += 1;
                    backends.insert(backend.to_string());
                }
                let case = (subject.to_string(), backend.clone());
                let mut rows = self.waiting.remove(&case).unwrap_or_default();
                rows.push((line.clone(), at.unwrap_or(Proximity::At)));
                for (line, at) in rows {
                    let cell = self.cell(&row_of(&line), &backend.to_string());
                    cell.note(&outcome.termination, at, violations);
                }
                self.ended.insert(case, (outcome.termination.clone(), violations.clone()));
            }
            Event::Shared { line, at, subject, backend } => {
                let case = (subject.to_string(), backend.clone());
                match self.ended.get(&case).cloned() {
                    Some((termination, violations)) => {
                        let cell = self.cell(&row_of(line), &backend.to_string());
                        cell.note(&termination, *at, &violations);
                    }
                    None => self.waiting.entry(case).or_default().push((line.clone(), *at)),
                }
            }
            Event::Found { finding } => self.findings.push(Finding::clone(finding)),
            Event::Skipped { skip } => {
                let example = format!("{} at {}: {}", skip.line, skip.at, skip.reason);
                Reason::count(&mut self.skipped, &skip.reason, example);
            }
            Event::RunEnded { complete, wall_ms, jobs_cpu_ms, children_cpu_ms, seats } => {
                self.complete = *complete;
                self.time = Some((*wall_ms, *jobs_cpu_ms, *children_cpu_ms, *seats));
            }
            Event::RoundEnded { jobs, cases, .. } => self.end_round(*jobs, cases),
            Event::Differed { difference } => {
                if !self.has_differed(&difference.case, &difference.backend) {
                    self.differences.push(difference.clone());
                }
            }
            Event::JobsStarted { .. } | Event::RoundStarted { .. } | Event::Warned { .. } => {}
        }
    }

    /// A round's own count stands for its jobs, which are not remembered one by one when a campaign
    /// goes on; nor are their endings needed any more.
    fn end_round(&mut self, jobs: u64, cases: &BTreeMap<String, u64>) {
        self.rounds += 1;
        self.jobs_of_rounds += jobs;
        self.jobs = self.jobs_of_rounds;
        for (signature, count) in cases {
            let of_rounds = self.cases_of_rounds.entry(signature.clone()).or_default();
            *of_rounds += count;
            self.violations.entry(signature.clone()).or_default().0 = *of_rounds;
        }
        self.ended.clear();
        self.waiting.clear();
    }

    /// Whether it is told that a case differs on a backend.
    pub fn has_differed(&self, case: &str, backend: &Backend) -> bool {
        self.differences.iter().any(|there| there.case == case && there.backend == *backend)
    }

    /// Cases of the regression corpus that differ, each once, by name.
    pub fn regressions(&self) -> BTreeSet<&str> {
        self.differences.iter().map(|difference| difference.case.as_str()).collect()
    }

    /// For each finding, what is known of it.
    pub fn standings(&self) -> impl Iterator<Item = Option<&Known>> {
        self.findings.iter().map(|finding| self.known.get(&finding.signature.to_string()))
    }

    fn cell(&mut self, row: &str, backend: &str) -> &mut Cell {
        let at = self.rows.iter().position(|(name, _)| name == row).unwrap_or_else(|| {
            self.rows.push((row.to_owned(), BTreeMap::new()));
            self.rows.len() - 1
        });
        self.rows[at].1.entry(backend.to_owned()).or_default()
    }
}

/// The row of a line: the lines that try one operator each share one.
fn row_of(line: &str) -> String {
    let mut words = line.split(' ');
    let (shape, limit) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match words.next() {
        None => format!("{shape} {limit}"),
        Some(_) => format!("{shape} each-operator"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Machine, Skip};

    #[test]
    fn a_resumed_run_counts_what_it_skips_anew() {
        let mut tally = Tally::default();
        let skipped = |reason: &str| Event::Skipped {
            skip: Skip {
                line: "repeat body".to_owned(),
                at: Proximity::At,
                backend: None,
                reason: reason.to_owned(),
            },
        };
        tally.add(&skipped("no time"));
        tally.add(&Event::RunStarted {
            brink: String::new(),
            engine: String::new(),
            arguments: Vec::new(),
            seed: 0,
            machine: Machine { system: String::new(), processors: 1, memory_bytes: 0 },
            backends: Vec::new(),
        });
        assert!(tally.skipped.is_empty());
        tally.add(&skipped("no memory"));
        let skipped: Vec<(&str, u64)> =
            tally.skipped.values().map(|reason| (reason.example.as_str(), reason.count)).collect();
        assert_eq!(skipped, [("repeat body at at: no memory", 1)]);
    }
}
