//! `brink self-test`.

use super::Exit;
use super::exit::{remark, say};
use super::options::{stop_flag, this_exe};
use super::verdicts;
use crate::job::Planted;
use crate::outcome::Termination;
use crate::sandbox::{self, Check};
use anyhow::{Result, bail};
use clap::Args;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Print nothing but failures
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let stop = stop_flag()?;
    let (mut passed, mut failed, mut unable) = (0, Vec::new(), None);
    sandbox::self_test(&this_exe()?, &stop, &mut |check| {
        if check.passed {
            passed += 1;
            if !opts.quiet {
                say(&format!("ok      {:?}: {}\n", check.planted, check.expected));
            }
        } else {
            unable = unable.take().or_else(|| unable_to_run(&check));
            failed.push(describe(&check));
        }
    })?;
    let count = failed.len();
    if stop.load(Relaxed) {
        remark(&format!(
            "brink: interrupted; {passed} planted faults recognised so far, {count} not"
        ));
        return Ok(Exit::Interrupted);
    }
    if let Some(reason) = unable {
        bail!("{UNABLE}: {reason}");
    }
    failed.iter().for_each(|line| say(&format!("FAILED  {line}\n")));
    if !opts.quiet {
        say(&format!("{passed} planted faults recognised, {count} not\n"));
    }
    Ok(if failed.is_empty() { Exit::Nothing } else { Exit::SelfTest })
}

/// What fails where no job can be run at all.
const UNABLE: &str = "run a job that does nothing, with which the self-test begins";

/// Why no job can be run here, where a check says so: even one without a fault could not be. That is
/// the environment's doing, and says nothing of faults that would be missed.
fn unable_to_run(check: &Check) -> Option<String> {
    match (check.planted, &check.outcome.termination) {
        (Planted::Nothing, Termination::Infrastructure { message }) => Some(message.clone()),
        _ => None,
    }
}

fn describe(check: &Check) -> String {
    let got = verdicts::ending(&check.outcome);
    format!("{:?}: expected {}, got: {got}", check.planted, check.expected)
}

/// Proves that faults would be seen, before a run; why there is to be none, if so.
pub(super) fn gate(stop: &AtomicBool) -> Result<Option<Exit>> {
    let (mut failure, mut unable) = (None, None);
    let tested = sandbox::self_test(&this_exe()?, stop, &mut |check| {
        if !check.passed {
            unable = unable.take().or_else(|| unable_to_run(&check));
            failure.get_or_insert(check);
        }
    });
    // A signal to the whole group ends the workers too, which is no fault of theirs.
    if stop.load(Relaxed) {
        remark("brink: interrupted before the first job");
        return Ok(Some(Exit::Interrupted));
    }
    tested?;
    if let Some(reason) = unable {
        bail!("{UNABLE}: {reason}");
    }
    Ok(failure.map(|check| {
        remark(&format!(
            "brink: failed to start the run: the self-test missed a planted fault, so a real one might \
             be missed too: {}",
            describe(&check)
        ));
        Exit::SelfTest
    }))
}
