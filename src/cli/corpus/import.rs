//! `brink corpus import`.

use super::entries::{EntriesOpts, write_recipes};
use crate::cli::Exit;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(super) struct Opts {
    #[command(flatten)]
    entries: EntriesOpts,
    /// Where to write the recipes
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let entries = opts.entries.read()?;
    write_recipes(&entries.recipes, &opts.output)?;
    Ok(entries.finish(&format!(
        "{} recipes written to {}",
        entries.recipes.len(),
        opts.output.display()
    )))
}
