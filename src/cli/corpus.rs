//! `brink corpus`: what is kept from one run to the next.

mod add;

use super::Exit;
use anyhow::Result;
use clap::{Args, Subcommand};

#[derive(Args, Debug)]
pub(super) struct Opts {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a finding, a recipe or a module a case that `brink regress` runs
    Add(add::Opts),
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    match &opts.command {
        Command::Add(opts) => add::run(opts),
    }
}
