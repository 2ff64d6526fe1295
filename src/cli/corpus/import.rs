//! `brink corpus import`.

use super::entries::{Entries, write_recipes};
use crate::campaign::FUZZED_BYTES_MAX;
use crate::cli::Exit;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Folders of a libFuzzer corpus, or of recipes
    #[arg(required = true, value_name = "FOLDER")]
    from: Vec<PathBuf>,
    /// Where to write the recipes
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// Leave out recipes whose module has more bytes; fuzzers reject those above the default
    #[arg(long, value_name = "BYTES", default_value_t = FUZZED_BYTES_MAX)]
    max_bytes: u64,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let entries = Entries::read(&opts.from, opts.max_bytes)?;
    write_recipes(&entries.recipes, &opts.output)?;
    Ok(entries.finish(&format!(
        "{} recipes written to {}",
        entries.recipes.len(),
        opts.output.display()
    )))
}
