//! `brink corpus minimise`.

use super::entries::{Entries, EntriesOpts, make_folder, write, write_recipes};
use crate::cli::Exit;
use crate::cli::exit::remark;
use crate::cli::options::stop_flag;
use crate::provision::merge_corpus;
use crate::recipe::Recipe;
use crate::shapes;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(super) struct Opts {
    #[command(flatten)]
    entries: EntriesOpts,
    /// Where to write the recipes that are kept
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// A target built by cargo-fuzz: keep what has the same coverage. Without one, what has the same
    /// shapes, classes of operators and nearness to limits is kept
    #[arg(long, value_name = "TARGET")]
    fuzzer: Option<PathBuf>,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let entries = opts.entries.read()?;
    let (kept, by) = match &opts.fuzzer {
        Some(fuzzer) => (by_coverage(&entries.recipes, fuzzer)?, "coverage"),
        None => (
            shapes::minimised(entries.recipes.clone()),
            "shape, class of operator and nearness to limits",
        ),
    };
    ensure!(
        !kept.is_empty() || entries.recipes.is_empty(),
        "keep any of {} recipes: the target rejects all of them; name one that takes recipes",
        entries.recipes.len()
    );
    write_recipes(&kept, &opts.output)?;
    remark(&format!("kept by {by}"));
    Ok(entries.finish(&format!(
        "{} of {} recipes written to {}",
        kept.len(),
        entries.recipes.len(),
        opts.output.display()
    )))
}

/// What a fuzzer keeps when it merges the recipes into an empty corpus.
fn by_coverage(recipes: &[Recipe], fuzzer: &Path) -> Result<Vec<Recipe>> {
    // Ctrl-C ends the fuzzer, and this goes on to tidy up.
    stop_flag()?;
    let place = tempfile::tempdir().context("make a folder for the merge; see TMPDIR")?;
    let (from, into) = (place.path().join("from"), place.path().join("into"));
    make_folder(&from)?;
    make_folder(&into)?;
    for recipe in recipes {
        write(&from.join(recipe.id().to_string()), &shapes::to_bytes(recipe)?)?;
    }
    merge_corpus(fuzzer, &from, &into)?;
    Ok(Entries::read(&[into], u64::MAX)?.recipes)
}
