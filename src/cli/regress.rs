//! `brink regress`.

mod bless;
mod controls;
mod output;
pub(super) mod select;

use self::output::{Output, Row};
use self::select::Selected;
use super::exit::remark;
use super::options::{RunOpts, cache, stop_flag};
use super::{Exit, self_test};
use crate::campaign::{Checked, Seen, regress};
use crate::corpus::{Corpus, Entry};
use crate::engines;
use anyhow::{Result, ensure};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

/// Where the cases are.
pub(super) const DIRECTORY: &str = "corpus/regressions";

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Names of cases, folders of single ones, or directories of many [default: corpus/regressions]
    #[arg(value_name = "CASE|DIR")]
    directories: Vec<PathBuf>,
    #[command(flatten)]
    run: RunOpts,
    /// Also run the cases that take long
    #[arg(long)]
    slow: bool,
    /// List the cases and run nothing
    #[arg(long, conflicts_with_all = ["bless", "controls"])]
    list: bool,
    /// Run each published bug on the newest affected and the oldest fixed release in the cache
    #[arg(long, conflicts_with_all = ["engines", "bless"])]
    controls: bool,
    /// Write what was seen into the expectations, once you have read what differs
    #[arg(long)]
    bless: bool,
    /// Print each outcome as a line of JSON
    #[arg(long)]
    json: bool,
    /// Print nothing but what differs
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
}

/// Where a case is that is named as the list names it; any path is what it is.
fn place_of(named: &Path) -> Result<PathBuf> {
    let case = Path::new(DIRECTORY).join(named);
    if named.exists() || named.components().count() != 1 {
        return Ok(named.to_owned());
    }
    ensure!(
        case.is_dir(),
        "find the case {}: it is neither in {DIRECTORY} nor a folder here; `brink regress --list` \
         names the cases where it is run in a clone of brink",
        named.display()
    );
    Ok(case)
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let directories = match &opts.directories[..] {
        [] => {
            ensure!(
                Path::new(DIRECTORY).is_dir(),
                "find the cases: there is no folder {DIRECTORY} here; go to a clone of brink, or \
                 name a folder of cases"
            );
            vec![PathBuf::from(DIRECTORY)]
        }
        named => named.iter().map(|named| place_of(named)).collect::<Result<_>>()?,
    };
    let corpus = Corpus::read(&directories);
    for fault in &corpus.faults {
        remark(&format!("brink: failed to {fault}"));
    }
    let bad = !corpus.faults.is_empty();
    if opts.list {
        output::list(&corpus.entries, opts.directories.is_empty(), opts.json)?;
        return Ok(if bad { Exit::Usage } else { Exit::Nothing });
    }
    let all = opts.slow || opts.controls;
    let wanted = corpus.entries.iter().filter(|entry| all || !entry.expectations.slow);
    let wanted: Vec<&Entry> = wanted.collect();
    let Selected { checks, left_out, silent } = if opts.controls {
        controls::checks(opts, &wanted)?
    } else {
        select::checks(opts, &wanted)?
    };
    if !silent.is_empty() {
        remark(&format!(
            "brink: failed to hold {} to anything: nothing is expected of {}; add an [[expect]] for \
             it, with the verdict that `brink repro` shows",
            silent.join(", "),
            engines::VERSION
        ));
    }
    let bad = bad || !silent.is_empty();
    let of_faults = if bad { Exit::Usage } else { Exit::Nothing };
    if checks.is_empty() && bad {
        return Ok(Exit::Usage);
    }
    ensure!(
        !checks.is_empty(),
        "find something to run: {}; see `brink regress --list`",
        if wanted.is_empty() && !corpus.entries.is_empty() {
            "all that is named is slow, and runs with --slow"
        } else if opts.controls {
            "no published bug that is named has an affected and a fixed release in the cache"
        } else {
            "no case is about these engines and backends"
        }
    );
    let stop = stop_flag()?;
    if let Some(exit) = self_test::gate(&stop)? {
        return Ok(exit);
    }
    let backends: Vec<_> = checks.iter().map(|check| check.backend.clone()).collect();
    let pool = opts.run.pool(&backends)?;
    let output = Output::new(opts, &checks);
    let all = regress(&checks, &pool, &stop, &|at, checked| output.tell(at, checked))?;
    let rows: Vec<Row<'_>> =
        checks.iter().zip(&all).map(|(check, it)| (check, it.as_ref())).collect();
    let slow = corpus.entries.len() - wanted.len();
    if opts.controls {
        controls::print(&rows);
    } else if !opts.json && !opts.quiet {
        output::table(&rows);
    }
    output.end(&rows, slow, &left_out);
    if stop.load(Relaxed) {
        let done = all.iter().flatten().count();
        remark(&format!("brink: interrupted after {done} of {} checks", checks.len()));
        return Ok(Exit::Interrupted);
    }
    let tells = |checked: &Checked| matches!(checked.seen, Seen::AsExpected | Seen::Differs(..));
    ensure!(
        all.iter().flatten().any(tells),
        "learn anything: all {} checks are unclear or not applicable",
        checks.len()
    );
    let differs = |checked: &Checked| matches!(checked.seen, Seen::Differs(..));
    if opts.bless && bless::bless(&rows, &cache()?)? {
        return Ok(of_faults);
    }
    // A case that cannot be read, or says nothing, may hide a difference, so it goes first.
    Ok(match (bad, all.iter().flatten().any(differs)) {
        (true, _) => Exit::Usage,
        (false, true) => Exit::Changed,
        (false, false) => Exit::Nothing,
    })
}
