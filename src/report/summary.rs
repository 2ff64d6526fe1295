//! The end of a run for people: a table of shapes and backends, the findings with the command that
//! reproduces each, and what was left out.

use super::format::{clip, microseconds};
use super::tally::{Cell, Tally};
use crate::campaign::Finding;
use comfy_table::{ContentArrangement, Table, presets};
use std::fmt::Write;
use std::path::Path;

/// Longest subject and sentence in the list of findings.
const CLIP: usize = 160;

/// The summary of a run whose directory is `directory`, at most `width` columns wide.
pub fn summary(tally: &Tally, directory: Option<&Path>, width: u16) -> String {
    let mut out = String::new();
    if !tally.rows.is_empty() {
        out.push_str(&table(tally, width));
        out.push_str(
            "\n\nA cell shows the nearest proximity to the limit that went well; `what@where` is \
             the first trouble;\n`n/a`: the backend lacks what the shape needs; `?`: run, but no \
             job's ending proves anything; `-`: not run.\n",
        );
    }
    findings(&mut out, tally, directory);
    counts(&mut out, tally);
    out
}

fn table(tally: &Tally, width: u16) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    let header =
        std::iter::once("shape and limit").chain(tally.backends.iter().map(String::as_str));
    table.set_header(header);
    for (row_name, cells) in &tally.rows {
        let row = tally.backends.iter().map(|backend| match cells.get(backend) {
            None => "-".to_owned(),
            Some(cell) => text(cell),
        });
        table.add_row(std::iter::once(row_name.clone()).chain(row));
    }
    table.to_string()
}

fn text(cell: &Cell) -> String {
    if let Some((what, at)) = &cell.trouble {
        return format!("{what}@{at}");
    }
    match cell.reached {
        Some(at) => at.to_string(),
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
    let _ = writeln!(out, "\n{} {plural}:", tally.findings.len());
    for (number, finding) in tally.findings.iter().enumerate() {
        let Finding { violation, subject, backend, seen, .. } = finding;
        let subject = clip(&subject.to_string(), CLIP);
        let _ = writeln!(out, "\n{}. {}: {subject} on {backend}", number + 1, violation.oracle);
        let _ = writeln!(out, "   {}", clip(&violation.summary, 2 * CLIP));
        let also = tally.violations.get(&finding.signature.to_string()).copied().unwrap_or(1);
        let measured = &finding.outcome.measurements;
        let _ = writeln!(
            out,
            "   seen in {} of {} runs; {also} such cases in this sweep; {} of CPU time",
            seen.0,
            seen.1,
            microseconds(measured.cpu_us)
        );
        if let Some(directory) = directory {
            let folder = directory.join("findings").join(finding.signature.slug());
            let _ = writeln!(out, "   brink repro {}", folder.display());
        }
    }
}

fn counts(out: &mut String, tally: &Tally) {
    let _ = write!(out, "\n{} jobs", tally.jobs);
    if tally.inconclusive > 0 {
        let _ = write!(out, ", {} of them inconclusive", tally.inconclusive);
    }
    if let Some((wall_ms, jobs_cpu_ms, children_cpu_ms, seats)) = tally.time {
        let available = wall_ms.saturating_mul(seats as u64).max(1);
        let _ = write!(
            out,
            " in {}; child processes used {}% of {seats} processors ({} of CPU time, {} of it \
             measured inside jobs)",
            microseconds(wall_ms * 1_000),
            children_cpu_ms * 100 / available,
            microseconds(children_cpu_ms * 1_000),
            microseconds(jobs_cpu_ms * 1_000),
        );
    }
    out.push_str(".\n");
    for (reason, count) in &tally.skipped {
        let _ = writeln!(out, "{count} cells not run: {}", clip(reason, CLIP));
    }
    if !tally.complete {
        out.push_str("The run was stopped before its end; go on with --resume.\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Proximity;

    #[test]
    fn a_cell_that_proves_nothing_shows_a_question_mark() {
        let mut cell = Cell { unknown: 2, jobs: 2, ..Cell::default() };
        assert_eq!(text(&cell), "?");
        cell.reached = Some(Proximity::Min);
        assert_eq!(text(&cell), "min");
        cell.trouble = Some(("panic".to_owned(), Proximity::At));
        assert_eq!(text(&cell), "panic@at");
    }
}
