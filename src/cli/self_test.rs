//! `brink self-test`.
#![expect(clippy::print_stderr, reason = "printing is this room's work")]

use super::Exit;
use super::exit::say;
use crate::sandbox::{self, Check, WorkerExe};
use anyhow::{Context, Result};
use clap::Args;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Print nothing but failures
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let exe = WorkerExe::this().context("find this executable under /proc/self")?;
    let (mut passed, mut failed) = (0, 0);
    sandbox::self_test(&exe, &mut |check| {
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
    if !opts.quiet {
        say(&format!("{passed} planted faults recognised, {failed} not\n"));
    }
    Ok(if failed == 0 { Exit::Nothing } else { Exit::SelfTest })
}

fn describe(check: &Check) -> String {
    format!("{:?}: expected {}, got {:?}", check.planted, check.expected, check.outcome.termination)
}

/// The first planted fault that is not recognised.
pub(super) fn first_failure(exe: &WorkerExe) -> Result<Option<Check>> {
    let mut failure = None;
    sandbox::self_test(exe, &mut |check| {
        if !check.passed && failure.is_none() {
            failure = Some(check);
        }
    })?;
    Ok(failure)
}

/// Says why no run starts.
pub(super) fn refuse(check: &Check) -> Exit {
    eprintln!(
        "brink: failed to start the run: the self-test missed a planted fault, so a real one might \
         be missed too: {}",
        describe(check)
    );
    Exit::SelfTest
}
