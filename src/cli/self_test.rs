//! `brink self-test`.

use super::Exit;
use super::exit::{remark, say};
use super::options::{stop_flag, this_exe};
use crate::sandbox::{self, Check};
use anyhow::Result;
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
    let (mut passed, mut failed) = (0, 0);
    sandbox::self_test(&this_exe()?, &stop, &mut |check| {
        if check.passed {
            passed += 1;
            if !opts.quiet {
                say(&format!("ok      {:?}: {}\n", check.planted, check.expected));
            }
        } else {
            failed += 1;
            say(&format!("FAILED  {}\n", describe(&check)));
        }
    })?;
    if stop.load(Relaxed) {
        remark(&format!(
            "brink: interrupted; {passed} planted faults recognised so far, {failed} not"
        ));
        return Ok(Exit::Interrupted);
    }
    if !opts.quiet {
        say(&format!("{passed} planted faults recognised, {failed} not\n"));
    }
    Ok(if failed == 0 { Exit::Nothing } else { Exit::SelfTest })
}

fn describe(check: &Check) -> String {
    format!("{:?}: expected {}, got {:?}", check.planted, check.expected, check.outcome.termination)
}

/// Proves that faults would be seen, before a run; why there is to be none, if so.
pub(super) fn gate(stop: &AtomicBool) -> Result<Option<Exit>> {
    let mut failure = None;
    let tested = sandbox::self_test(&this_exe()?, stop, &mut |check| {
        if !check.passed && failure.is_none() {
            failure = Some(check);
        }
    });
    // A signal to the whole group ends the workers too, which is no fault of theirs.
    if stop.load(Relaxed) {
        remark("brink: interrupted before the first job");
        return Ok(Some(Exit::Interrupted));
    }
    tested?;
    Ok(failure.map(|check| {
        remark(&format!(
            "brink: failed to start the run: the self-test missed a planted fault, so a real one might \
             be missed too: {}",
            describe(&check)
        ));
        Exit::SelfTest
    }))
}
