//! The positive controls: each published bug on a release that has it and on one that does not.

use super::Opts;
use super::output::{Row, word};
use super::select::{Selected, check, is_wanted};
use crate::cli::exit::say;
use crate::cli::options::{cache, this_exe};
use crate::cli::table;
use crate::corpus::{Entry, PASS};
use crate::engines::{self, Backend, Code, Installed};
use crate::provision::release_order;
use crate::sandbox::{Host, Seat};
use anyhow::Result;
use std::fmt::Write as _;

/// For each case and backend, the newest release in the cache that has the bug and the oldest after
/// it that does not.
pub(super) fn checks<'a>(opts: &Opts, entries: &[&'a Entry]) -> Result<Selected<'a>> {
    let wanted = opts.run.backends_of(&Installed::builtin())?;
    let (engines, mut left_out) = releases()?;
    let mut checks = Vec::new();
    for entry in entries {
        let backends = entry.expectations.backends.iter();
        for backend in backends.filter(|backend| is_wanted(&wanted, backend)) {
            match pair(entry, backend, &engines) {
                Ok(pair) => checks.extend(pair),
                Err(reason) => left_out.push(format!("{} on {backend}: {reason}", entry.slug)),
            }
        }
    }
    Ok(Selected { checks, left_out, silent: Vec::new() })
}

/// The releases at hand, oldest first, and those that cannot be asked.
fn releases() -> Result<(Vec<Installed>, Vec<String>)> {
    let (cache, exe) = (cache()?, this_exe()?);
    let (mut engines, mut left_out) = (vec![Installed::builtin()], Vec::new());
    for engine in cache.list()? {
        if !engine.is_release() {
            continue;
        }
        let engine = cache.find(engine.id.as_str())?;
        if matches!(engine.code, Code::Worker(_))
            && let Err(error) = Seat::start(&Host::new(&exe, engine.clone()))
        {
            left_out.push(format!("{}: failed to {error}", engine.id));
            continue;
        }
        engines.push(engine);
    }
    engines.sort_by(release_order);
    Ok((engines, left_out))
}

fn pair<'a>(
    entry: &'a Entry,
    backend: &Backend,
    engines: &[Installed],
) -> Result<[crate::campaign::Check<'a>; 2], &'static str> {
    let all: Vec<_> = engines.iter().filter_map(|engine| check(entry, backend, engine)).collect();
    // A case tells of its bug first; where what comes after a fix is another one, that is another
    // row of its expectations.
    let bug = entry.expectations.expect.first().map(|expect| &expect.verdict);
    if bug.is_some_and(|verdict| verdict == PASS) {
        return Err("its bug could not be shown on any release");
    }
    let affected = all.iter().rposition(|check| Some(&check.expect.verdict) == bug);
    let affected = affected.ok_or("no affected release is in the cache")?;
    let fixed = all[affected + 1..].first().ok_or("no release has it fixed, as far as is known")?;
    Ok([all[affected].clone(), fixed.clone()])
}

/// Prints the table.
pub(super) fn print(rows: &[Row<'_>]) {
    let mut lines = Vec::new();
    for pair in rows.chunks(2) {
        let [affected, fixed] = pair else { continue };
        let backend = fixed.0.backend.clone().on(&engines::EngineId::builtin());
        let cell = |row: &Row<'_>| {
            let mut text = row.0.backend.engine().to_string();
            if row.0.backend.engine().is_builtin() {
                text = engines::VERSION.to_owned();
            }
            let _ = write!(text, " {}", word(row));
            text
        };
        let entry = affected.0.entry;
        lines.push(vec![
            entry.slug.clone(),
            entry.expectations.source.clone(),
            backend.to_string(),
            cell(affected),
            cell(fixed),
        ]);
    }
    say(&table::list(&["case", "source", "backend", "affected", "fixed"], &lines));
}
