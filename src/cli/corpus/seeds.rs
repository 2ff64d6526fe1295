//! `brink corpus seeds`.

use super::entries::{make_folder, write};
use crate::campaign::{dictionary, seeds};
use crate::cli::Exit;
use crate::cli::exit::remark;
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Where to write them: a folder for each set, and a dictionary for libFuzzer
    #[arg(value_name = "FOLDER")]
    output: PathBuf,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    make_folder(&opts.output)?;
    for (set, recipes) in
        seeds().context("choose seeds by what the built-in engine allocates for them")?
    {
        let folder = opts.output.join(set);
        make_folder(&folder)?;
        for recipe in &recipes {
            let name = format!("{}-{}.toml", recipe.shape, &recipe.id().to_string()[..8]);
            write(&folder.join(name), recipe.to_toml().as_bytes())?;
        }
        remark(&format!("{} recipes written to {}", recipes.len(), folder.display()));
    }
    write(&opts.output.join("limits.dict"), dictionary().as_bytes())?;
    Ok(Exit::Nothing)
}
