//! The command line: options in, exit code out. One file for each subcommand.

mod bisect;
mod campaign;
mod check;
mod corpus;
mod engine;
mod exit;
mod generate;
mod hunt;
mod input;
mod known;
mod limits;
mod list;
mod merge;
mod options;
mod output;
mod recipes;
mod recorder;
mod regress;
mod repro;
mod repro_growth;
mod self_test;
mod session;
mod shrink;
mod sweep;
mod table;
mod verdicts;
mod width;

use crate::wire::WORKER_COMMAND;
use crate::worker;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;

pub use self::exit::Exit;

/// A stress fuzzer that lives at the implementation limits of WebAssembly.
#[derive(Debug, Parser)]
#[command(name = "brink", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile every shape on every backend, nearer and nearer to the limits
    Sweep(sweep::Opts),
    /// Search for the worst that recipes can do
    Hunt(hunt::Opts),
    /// Hunt and sweep in rotation, for hours or for ever
    Campaign(campaign::Opts),
    /// Bring the runs and campaigns of many machines together
    Merge(merge::Opts),
    /// Run one recipe, module or finding on some backends and judge it
    Repro(repro::Opts),
    /// Say how near the limits modules are, and whether they compile everywhere
    Check(check::Opts),
    /// Find the least that still shows a finding
    Shrink(shrink::Opts),
    /// Run the cases of the corpus and hold what comes of them against what is expected
    #[command(visible_alias = "lts")]
    Regress(regress::Opts),
    /// Keep cases from one run to the next, and move between libFuzzer's corpora and recipes
    Corpus(corpus::Opts),
    /// Find the releases between which a bug came and went
    Bisect(bisect::Opts),
    /// Check that x86-64 code accesses memory exactly as wide as the Wasm asked
    Width(width::Opts),
    /// Run the specification's limit tests, and code near the limits
    Limits(limits::Opts),
    /// Make the module of a recipe
    Gen(generate::Opts),
    /// Obtain, list and remove engines
    Engine(engine::Opts),
    /// List what brink knows
    List(list::Opts),
    /// Plant faults and prove that each is recognised
    SelfTest(self_test::Opts),
    /// Run jobs from standard input; started by brink itself
    #[command(name = WORKER_COMMAND, hide = true)]
    Worker,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    worker::outlive_large_files();
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are no errors; everything else is one of usage. Where even that
            // cannot be printed, the code says it.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Nothing }.into();
        }
    };
    let command = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.command,
        Err(error) => {
            let _ = error.print();
            return Exit::Usage.into();
        }
    };
    if !matches!(command, Command::Worker) {
        exit::explain_panics();
    }
    let shows_it = matches!(command, Command::Worker | Command::Repro(_) | Command::Shrink(_));
    if wants_planted_bug() && !shows_it {
        let planted = worker::PLANTED_BUG;
        return exit::report(&anyhow::anyhow!(
            "run this with {planted}=1, which plants a bug in the engine for `brink repro` and \
             `brink shrink` alone; unset it"
        ));
    }
    let result = match command {
        Command::Sweep(opts) => sweep::run(&opts),
        Command::Hunt(opts) => hunt::run(&opts),
        Command::Campaign(opts) => campaign::run(&opts),
        Command::Merge(opts) => merge::run(&opts),
        Command::Repro(opts) => repro::run(&opts),
        Command::Check(opts) => check::run(&opts),
        Command::Shrink(opts) => shrink::run(&opts),
        Command::Regress(opts) => regress::run(&opts),
        Command::Corpus(opts) => corpus::run(&opts),
        Command::Bisect(opts) => bisect::run(&opts),
        Command::Width(opts) => width::run(&opts),
        Command::Limits(opts) => limits::run(&opts),
        Command::Gen(opts) => generate::run(&opts),
        Command::Engine(opts) => engine::run(&opts),
        Command::List(opts) => list::run(&opts),
        Command::SelfTest(opts) => self_test::run(&opts),
        // Its standard error goes nowhere; the parent sees that it has ended.
        Command::Worker => {
            worker::plant_bug(wants_planted_bug());
            return if worker::serve().is_ok() { Exit::Nothing } else { Exit::Usage }.into();
        }
    };
    match result {
        Ok(exit) => exit::heard(exit).into(),
        Err(error) => exit::report(&error),
    }
}

/// Whether the engine is to have a bug, to prove that it is found.
fn wants_planted_bug() -> bool {
    std::env::var(worker::PLANTED_BUG).is_ok_and(|asked| asked == "1")
}
