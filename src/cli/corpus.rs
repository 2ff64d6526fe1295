//! `brink corpus`: what is kept from one run to the next, for people and for fuzzers.

mod add;
mod entries;
mod export;
mod import;
mod minimise;
mod seeds;

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
    Add(Box<add::Opts>),
    /// Take a libFuzzer corpus over as recipes, which last
    Import(import::Opts),
    /// Make a libFuzzer corpus, or the modules, of recipes
    Export(export::Opts),
    /// Keep the smallest recipes that cover the same
    Minimise(minimise::Opts),
    /// Write the recipes that fuzzers start from
    Seeds(seeds::Opts),
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    match &opts.command {
        Command::Add(opts) => add::run(opts),
        Command::Import(opts) => import::run(opts),
        Command::Export(opts) => export::run(opts),
        Command::Minimise(opts) => minimise::run(opts),
        Command::Seeds(opts) => seeds::run(opts),
    }
}
