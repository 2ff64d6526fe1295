//! The end of a run for people: a table of shapes and backends, the findings with the command that
//! reproduces each, and what was left out.

use super::format::{clip, microseconds};
use super::tally::{Cell, Reason, Tally};
use crate::campaign::{Expecting, Finding};
use crate::engines::EngineId;
use crate::store::Readers;
use comfy_table::{ContentArrangement, Table, presets};
use std::fmt::Write;
use std::path::Path;

/// Longest subject and sentence in the list of findings.
const CLIP: usize = 160;

/// Reasons shown for jobs that were inconclusive.
const REASONS_MAX: usize = 5;

/// The summary of a run whose directory is `directory`, at most `width` columns wide.
pub fn summary(tally: &Tally, directory: Option<&Path>, width: u16) -> String {
    let mut out = String::new();
    if !tally.rows.is_empty() {
        let wide = usize::from(width) >= NAME_COLUMN + tally.backends.len() * BACKEND_COLUMN;
        out.push_str(&if wide { table(tally) } else { lines(tally) });
        out.push_str(
            "\nThe nearest proximity to its limit at which each shape went well (`at+1`: rightly \
             refused past it),\nthen the first trouble, if any, and where: `oom` is out of memory. \
             `n/a`: the backend lacks what the\nshape needs; `?`: run, but nothing was proved; `-`: \
             not run.\n",
        );
    }
    out.push_str(&hunt_summary(tally, directory));
    out
}

/// The summary of a hunt, which has no lines towards limits: its findings, the worst costs, the
/// counts.
pub fn hunt_summary(tally: &Tally, directory: Option<&Path>) -> String {
    let mut out = String::new();
    findings(&mut out, tally, directory);
    regressions(&mut out, tally);
    let card = tally.cost_card.table();
    if !card.is_empty() {
        let _ = writeln!(out, "\nThe most that modules were seen to cost:\n\n{}", card.trim_end());
    }
    counts(&mut out, tally, directory);
    out
}

/// The findings of a run alone.
pub fn findings_summary(tally: &Tally, directory: Option<&Path>) -> String {
    let mut out = String::new();
    findings(&mut out, tally, directory);
    out
}

/// Columns that a table needs for the names of its rows, and for each backend.
const NAME_COLUMN: usize = 36;
const BACKEND_COLUMN: usize = 15;

fn table(tally: &Tally) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    let header =
        std::iter::once("shape and limit").chain(tally.backends.iter().map(String::as_str));
    table.set_header(header);
    for (row_name, cells) in &tally.rows {
        let row = tally.backends.iter().map(|backend| text(cells.get(backend)));
        table.add_row(std::iter::once(row_name.clone()).chain(row));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// The table for narrow terminals: backends that fare alike share a place.
fn lines(tally: &Tally) -> String {
    let mut out = String::new();
    for (row_name, cells) in &tally.rows {
        let mut alike: Vec<(String, Vec<&str>)> = Vec::new();
        for backend in &tally.backends {
            let text = text(cells.get(backend));
            match alike.iter_mut().find(|(other, _)| *other == text) {
                Some((_, backends)) => backends.push(backend),
                None => alike.push((text, vec![backend])),
            }
        }
        alike.sort_by_key(|(_, backends)| std::cmp::Reverse(backends.len()));
        let _ = write!(out, "{row_name}:");
        for (position, (text, backends)) in alike.iter().enumerate() {
            let _ = match position {
                0 => write!(out, " {text}"),
                _ => write!(out, "; {}: {text}", backends.join(" ")),
            };
        }
        out.push('\n');
    }
    out
}

fn text(cell: Option<&Cell>) -> String {
    let Some(cell) = cell else { return "-".to_owned() };
    let reached = cell.reached.map(|at| at.to_string());
    if let Some((what, at)) = &cell.trouble {
        let what = if what == "out-of-memory" { "oom" } else { what };
        let trouble = format!("{what}@{at}");
        return reached.map_or(trouble.clone(), |reached| format!("{reached} {trouble}"));
    }
    match reached {
        Some(reached) => reached,
        None if cell.unknown > 0 => "?".to_owned(),
        None if cell.not_applicable => "n/a".to_owned(),
        None => "-".to_owned(),
    }
}

fn findings(out: &mut String, tally: &Tally, directory: Option<&Path>) {
    if tally.findings.is_empty() {
        out.push_str("\nNo findings.\n");
        return;
    }
    let plural = if tally.findings.len() == 1 { "finding" } else { "findings" };
    // Writing to a string cannot fail.
    let known = tally.standings().flatten().filter(|known| !known.is_back).count();
    let known = if known > 0 { format!(", {known} of them known") } else { String::new() };
    let _ = writeln!(out, "\n{} {plural}{known}:", tally.findings.len());
    for (number, finding) in tally.findings.iter().enumerate() {
        let Finding { violation, subject, backend, seen, .. } = finding;
        let subject = clip(&subject.to_string(), CLIP);
        let _ = writeln!(out, "\n{}. {}: {subject} on {backend}", number + 1, violation.oracle);
        let _ = writeln!(out, "   {}", clip(&violation.summary, 2 * CLIP));
        let measured = &finding.outcome.measurements;
        let unconfirmed = if seen.1 == 1 { " (not confirmed)" } else { "" };
        let _ = writeln!(
            out,
            "   seen in {} of {} runs{unconfirmed}; {} of CPU time",
            seen.0,
            seen.1,
            microseconds(measured.cpu_us)
        );
        if let Some(known) = tally.known.get(&finding.signature.to_string()) {
            let _ = writeln!(out, "   {known}");
        }
        if let Some((cases, backends)) = tally.violations.get(&finding.signature.to_string())
            && *cases > 1
        {
            let backends: Vec<&str> = backends.iter().map(String::as_str).collect();
            // Of earlier rounds of a campaign only the count is known.
            let on = if backends.is_empty() { "" } else { ", on " };
            let backends = backends.join(", ");
            let _ = writeln!(out, "   {cases} such cases in this run{on}{backends}");
        }
        if let Some(directory) = directory {
            let folder = directory
                .join(Readers::of(finding.is_sensitive()).folder())
                .join(finding.signature.slug());
            let _ = writeln!(out, "   brink repro {}", folder.display());
        }
    }
}

/// The cases of the regression corpus that differ.
fn regressions(out: &mut String, tally: &Tally) {
    let cases = tally.regressions();
    if cases.is_empty() {
        return;
    }
    let plural = if cases.len() == 1 { "case differs" } else { "cases differ" };
    let _ = writeln!(out, "\n{} {plural} from what is expected:\n", cases.len());
    for difference in &tally.differences {
        let _ = writeln!(out, "{}", clip(&difference.to_string(), 2 * CLIP));
        let engine = difference.backend.engine();
        let own = difference.backend.clone().on(&EngineId::builtin());
        let case = &difference.case;
        let _ = match difference.of {
            Expecting::Regression => {
                writeln!(out, "   brink regress {case} -e {engine} -b {own} --slow")
            }
            Expecting::LimitTest => {
                writeln!(
                    out,
                    "   brink limits --full --only {case:?} -e {engine} -b {own} -o again.out"
                )
            }
        };
    }
}

fn counts(out: &mut String, tally: &Tally, directory: Option<&Path>) {
    let _ = writeln!(out, "\n{} jobs in all.", tally.jobs);
    if let Some((wall_ms, jobs_cpu_ms, children_cpu_ms, seats)) = tally.time {
        let available = wall_ms.saturating_mul(seats as u64).max(1);
        // Children that were killed at the end are missing from the kernel's account.
        let used = children_cpu_ms.max(jobs_cpu_ms);
        let _ = writeln!(
            out,
            "The run took {}, in which child processes used {}% of {seats} processors.",
            microseconds(wall_ms * 1_000),
            used * 100 / available,
        );
    }
    for stale in &tally.stale {
        let _ = writeln!(out, "A known issue may be stale: {}", clip(stale, 2 * CLIP));
    }
    for reason in tally.inconclusive.values().take(REASONS_MAX) {
        tell(out, reason, "jobs inconclusive");
    }
    for reason in tally.skipped.values() {
        tell(out, reason, "jobs or steps not run");
    }
    if !tally.complete {
        let output = directory.map(|directory| format!(" --output {}", directory.display()));
        let output = output.unwrap_or_default();
        let command = match tally.command.as_str() {
            "campaign" => "campaign".to_owned(),
            command => format!("{command} --resume"),
        };
        let _ = writeln!(
            out,
            "The run was stopped before its end; go on with:\n   brink {command}{output}"
        );
    }
}

fn tell(out: &mut String, reason: &Reason, what: &str) {
    let Reason { count, example } = reason;
    let _ = writeln!(out, "{count} {what}, such as {}", clip(example, 2 * CLIP));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Proximity;

    #[test]
    fn a_cell_shows_what_was_reached_and_what_went_wrong() {
        let mut cell = Cell { unknown: 2, jobs: 2, ..Cell::default() };
        assert_eq!(text(None), "-");
        assert_eq!(text(Some(&cell)), "?", "nothing was proved");
        cell.reached = Some(Proximity::Min);
        assert_eq!(text(Some(&cell)), "min");
        cell.trouble = Some(("out-of-memory".to_owned(), Proximity::At));
        assert_eq!(text(Some(&cell)), "min oom@at");
    }

    #[test]
    fn a_narrow_table_says_once_what_backends_share() {
        let backends = ["a", "b", "c"].map(str::to_owned).to_vec();
        let mut tally = Tally::default();
        tally.backends = backends;
        let reached = |at| Cell { reached: Some(at), ..Cell::default() };
        let cells = [("a", Proximity::At), ("b", Proximity::Min), ("c", Proximity::At)];
        let cells = cells.map(|(backend, at)| (backend.to_owned(), reached(at)));
        tally.rows.push(("nest depth".to_owned(), cells.into_iter().collect()));
        assert_eq!(lines(&tally), "nest depth: at; b: min\n");
    }
}
