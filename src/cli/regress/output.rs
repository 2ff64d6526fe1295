//! What `brink regress` prints.

use super::Opts;
use crate::campaign::{Check, Checked, LimitTest, Seen, limit_tests};
use crate::cli::exit::say;
use crate::cli::table;
use crate::corpus::{Entry, Specimen};
use crate::engines::EngineId;
use crate::report;
use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// A check, and what came of it; nothing where it was stopped before.
pub(super) type Row<'a> = (&'a Check<'a>, Option<&'a Checked>);

/// Prints a line for each check as it ends.
pub(super) struct Output<'a> {
    opts: &'a Opts,
    checks: &'a [Check<'a>],
}

impl<'a> Output<'a> {
    pub(super) fn new(opts: &'a Opts, checks: &'a [Check<'a>]) -> Output<'a> {
        Output { opts, checks }
    }

    pub(super) fn tell(&self, at: usize, checked: &Checked) {
        let Check { entry, backend, expect } = &self.checks[at];
        let (standing, detail) = match &checked.seen {
            Seen::AsExpected => ("ok", expect.verdict.clone()),
            Seen::Differs(_, words) => ("differs", format!("expected {expect}, but {words}")),
            Seen::Unclear(reason) => ("unclear", reason.clone()),
            Seen::NotApplicable(reason) => ("n/a", reason.clone()),
        };
        let detail = detail.lines().next().unwrap_or_default().to_owned();
        if self.opts.json {
            let line = serde_json::json!({
                "case": entry.slug,
                "backend": backend,
                "standing": standing,
                "expected": expect.to_string(),
                "detail": detail,
                "cpu_us": checked.cpu_us,
            });
            return say(&format!("{line}\n"));
        }
        let differs = matches!(checked.seen, Seen::Differs(..));
        if self.opts.quiet && !differs {
            return;
        }
        let time = report::microseconds(checked.cpu_us);
        say(&format!("{standing:<8} {} on {backend}: {detail} [{time}]\n", entry.slug));
        if differs {
            say(&format!("         {}\n", again(entry, &self.checks[at])));
        }
    }

    /// The last words.
    pub(super) fn end(&self, rows: &[Row<'_>], slow: usize, left_out: &[String]) {
        if self.opts.json || self.opts.quiet {
            return;
        }
        let count = |of: fn(&Seen) -> bool| {
            rows.iter().filter_map(|(_, it)| *it).filter(|it| of(&it.seen)).count()
        };
        let mut text = format!(
            "\n{} checks: {} as expected, {} differ, {} unclear, {} not applicable.",
            rows.len(),
            count(|seen| matches!(seen, Seen::AsExpected)),
            count(|seen| matches!(seen, Seen::Differs(..))),
            count(|seen| matches!(seen, Seen::Unclear(_))),
            count(|seen| matches!(seen, Seen::NotApplicable(_))),
        );
        let not_run = rows.iter().filter(|(_, it)| it.is_none()).count();
        if not_run > 0 {
            text.push_str(&format!(" {not_run} were not run."));
        }
        if slow > 0 {
            text.push_str(&format!(" {slow} slow cases were left out; --slow runs them too."));
        }
        text.push('\n');
        for reason in left_out {
            text.push_str(&format!("Left out: {reason}\n"));
        }
        say(&table::wrapped(&text));
    }
}

/// The command that runs a check again.
fn again(entry: &Entry, check: &Check<'_>) -> String {
    let own = check.backend.clone().on(&EngineId::builtin());
    let engine = check.backend.engine();
    format!("brink regress {} -e {engine} -b {own} --slow", entry.folder.display())
}

/// What was seen, in a word or two.
pub(super) fn word((check, checked): &Row<'_>) -> String {
    match checked.map(|checked| &checked.seen) {
        None => "not run".to_owned(),
        Some(Seen::AsExpected) => check.expect.verdict.clone(),
        Some(Seen::Differs(seen, _)) => format!("{}, NOT {}", seen.verdict, check.expect.verdict),
        Some(Seen::Unclear(_)) => "?".to_owned(),
        Some(Seen::NotApplicable(_)) => "n/a".to_owned(),
    }
}

/// The table: cases on backends against engines.
pub(super) fn table(rows: &[Row<'_>]) {
    let mut engines: Vec<&EngineId> = Vec::new();
    let mut cells: BTreeMap<(String, String), BTreeMap<&EngineId, String>> = BTreeMap::new();
    for row in rows {
        let (check, _) = row;
        let engine = check.backend.engine();
        if !engines.contains(&engine) {
            engines.push(engine);
        }
        let own = check.backend.clone().on(&EngineId::builtin()).to_string();
        cells.entry((check.entry.slug.clone(), own)).or_default().insert(engine, word(row));
    }
    let columns: Vec<&str> =
        ["case", "backend"].into_iter().chain(engines.iter().map(|id| id.as_str())).collect();
    let mut last = String::new();
    let lines = cells.into_iter().map(|((slug, backend), of_engines)| {
        let name = if slug == last { String::new() } else { slug.clone() };
        last = slug;
        let cell = |engine| of_engines.get(engine).cloned().unwrap_or_else(|| "-".to_owned());
        [name, backend].into_iter().chain(engines.iter().map(cell)).collect()
    });
    let lines: Vec<Vec<String>> = lines.collect();
    say(&format!("\n{}", table::list(&columns, &lines)));
}

/// Lists the cases, and where none are named, the limit tests as well.
pub(super) fn list(entries: &[Entry], limits: bool, json: bool) -> Result<()> {
    let columns = ["case", "title", "source", "backends", "run", "recipe"];
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    if json {
        let mut rows: Vec<BTreeMap<&str, &String>> =
            rows.iter().map(|row| columns.into_iter().zip(row).collect()).collect();
        let tests = if limits { limit_tests() } else { Vec::new() };
        rows.extend(tests.iter().map(|test| BTreeMap::from([("limit test", &test.name)])));
        say(&(serde_json::to_string_pretty(&rows).context("print JSON")? + "\n"));
    } else {
        say(&table::list(&columns, &rows));
        say(&format!("\n{} cases\n", entries.len()));
        if limits {
            let tests: Vec<Vec<String>> =
                limit_tests().iter().map(|LimitTest { name, .. }| vec![name.clone()]).collect();
            say(&format!("\n{}", table::list(&["limit test"], &tests)));
            say(&format!("\n{} limit tests, which `brink limits` runs\n", tests.len()));
        }
    }
    Ok(())
}

fn row(entry: &Entry) -> Vec<String> {
    let it = &entry.expectations;
    let backends: Vec<String> = it.backends.iter().map(ToString::to_string).collect();
    let run = match (it.slow, it.scaled.is_empty()) {
        (_, false) => "ladder",
        (true, true) => "slow",
        (false, true) => "default",
    };
    let specimen = match &entry.specimen {
        Specimen::Recipe(recipe) => recipe.to_string(),
        Specimen::Module(bytes) => format!("a module of {}", report::bytes(bytes.len() as u64)),
    };
    vec![
        entry.slug.clone(),
        it.title.clone(),
        it.source.clone(),
        backends.join(" "),
        run.to_owned(),
        specimen,
    ]
}
