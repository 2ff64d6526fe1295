//! The atlas: for each limit, what every engine and tier does near it. Made from the events of a
//! sweep on several engines, as evidence in a discussion of the limits.

use super::format::{bytes, microseconds};
use crate::campaign::Event;
use crate::engines::Backend;
use crate::limits;
use crate::outcome::{EngineVerdict, Outcome, Termination};
use crate::recipe::Proximity;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What stands in a cell that was not run.
const NOT_RUN: &str = "·";

/// One way to a limit on one backend, by proximity.
type Row = Vec<(Proximity, String)>;

/// The rows of one limit, by shape and backend.
type Rows<'a> = Vec<((&'a str, &'a Backend), Row)>;

/// The atlas as Markdown.
pub fn atlas(events: &[Event]) -> String {
    let mut columns: Vec<Proximity> = Vec::new();
    // By limit, then in the order of the run.
    let mut limits: BTreeMap<&str, Rows<'_>> = BTreeMap::new();
    for event in events {
        let Event::JobEnded { line, at: Some(at), backend, outcome, .. } = event else { continue };
        let mut words = line.split(' ');
        // Lines of single operators have a third word; they are about operators, not limits.
        let (Some(shape), Some(limit), None) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if !columns.contains(at) {
            columns.push(*at);
        }
        let rows = limits.entry(limit).or_default();
        let place = rows.iter().position(|(key, _)| *key == (shape, backend));
        let place = place.unwrap_or_else(|| {
            rows.push(((shape, backend), Row::new()));
            rows.len() - 1
        });
        rows[place].1.push((*at, cell(outcome)));
    }
    columns.sort_unstable();
    let mut out = "# What engines do near the limits\n\n\
                   A cell says what came of the module, the CPU time and the peak memory that it \
                   took; `·` was not run, within this sweep's time or budget.\n"
        .to_owned();
    for (id, mut rows) in limits {
        rows.sort_by(|((a, x), _), ((b, y), _)| (a, x).cmp(&(b, y)));
        let value = limits::limit(id).map_or(0, limits::Limit::target);
        let _ = writeln!(out, "\n## {id}: {value}\n");
        let heads: Vec<String> = columns.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "| shape | engine | {} |", heads.join(" | "));
        let _ = writeln!(out, "|---|---|{}", "---|".repeat(columns.len()));
        for ((shape, backend), row) in &rows {
            let cells = columns.iter().map(|column| {
                let there = row.iter().find(|(at, _)| at == column);
                there.map_or(NOT_RUN, |(_, text)| text.as_str())
            });
            let cells: Vec<&str> = cells.collect();
            let _ = writeln!(out, "| {shape} | {backend} | {} |", cells.join(" | "));
        }
    }
    out
}

/// What came of one job, in a few words.
fn cell(outcome: &Outcome) -> String {
    let measured = &outcome.measurements;
    let memory = match measured.peak_live_bytes {
        0 => measured.peak_resident_bytes,
        live => live,
    };
    let what = match &outcome.termination {
        Termination::Completed { verdict } => match verdict {
            EngineVerdict::Accepted { .. } => "accepts".to_owned(),
            EngineVerdict::Refused { refusal } => format!("refuses ({})", refusal.kind),
            EngineVerdict::NotApplicable { .. } => return "not applicable".to_owned(),
        },
        Termination::TimedOut { .. } => "**times out**".to_owned(),
        Termination::OutOfMemory { .. } => "**out of memory**".to_owned(),
        Termination::Panicked { .. } => "**panics**".to_owned(),
        Termination::StackOverflow { .. } => "**overflows its stack**".to_owned(),
        Termination::Signaled { signal, .. } => format!("**dies by signal {signal}**"),
        Termination::OutputLimit => "**floods its output**".to_owned(),
        Termination::Ambiguous | Termination::Infrastructure { .. } => {
            return "could not be run".to_owned();
        }
    };
    format!("{what}, {}, {}", microseconds(measured.cpu_us), bytes(memory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::Subject;
    use crate::job::Budget;

    fn ended(line: &str, at: Proximity, backend: &str, termination: Termination) -> Event {
        let mut outcome = Outcome::infrastructure(0, String::new());
        outcome.termination = termination;
        outcome.measurements.cpu_us = 1_500;
        outcome.measurements.peak_resident_bytes = 1 << 20;
        Event::JobEnded {
            line: line.to_owned(),
            at: Some(at),
            subject: Subject::Module("x".to_owned()),
            backend: backend.parse().unwrap(),
            budget: Budget::new(1, 1 << 30),
            outcome: Box::new(outcome),
            violations: Vec::new(),
            inconclusive: Vec::new(),
        }
    }

    #[test]
    fn each_limit_has_one_table_with_engines_down_and_proximities_across() {
        let time = |clock| Termination::TimedOut { clock };
        let events = [
            ended(
                "locals function-locals",
                Proximity::At,
                "v8/baseline",
                time(crate::outcome::Clock::Cpu),
            ),
            ended("locals function-locals", Proximity::Min, "x86_64", Termination::OutputLimit),
            ended(
                "repeat function-body-bytes i32.add",
                Proximity::Min,
                "x86_64",
                Termination::OutputLimit,
            ),
        ];
        let text = atlas(&events);
        assert!(text.contains("## function-locals: 50000\n"), "{text}");
        assert!(text.contains("| shape | engine | min | at |"), "{text}");
        assert!(
            text.contains("| locals | v8/baseline | · | **times out**, 1.5 ms, 1.0 MiB |"),
            "{text}"
        );
        assert_eq!(text.matches("## ").count(), 1, "operators have no table");
    }
}
