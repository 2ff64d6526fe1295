//! `brink corpus export`.

use super::entries::{EntriesOpts, make_folder, write};
use crate::cli::Exit;
use crate::recipe::Recipe;
use crate::shapes;
use anyhow::{Context, Result};
use clap::Args;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

#[derive(Args, Debug)]
pub(super) struct Opts {
    #[command(flatten)]
    entries: EntriesOpts,
    /// Where to write the corpus: a folder, or an archive if it ends in .zip
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// Write the modules rather than the recipes
    #[arg(long)]
    modules: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let entries = opts.entries.read()?;
    let file = |recipe: &Recipe| -> Result<(String, Vec<u8>)> {
        Ok(if opts.modules {
            (format!("{}.wasm", recipe.id()), shapes::build(recipe)?.bytes.to_vec())
        } else {
            (recipe.id().to_string(), shapes::to_bytes(recipe)?)
        })
    };
    let output = &opts.output;
    if output.extension().is_some_and(|extension| extension == "zip") {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for recipe in &entries.recipes {
            let (name, bytes) = file(recipe)?;
            // The same time for all: equal recipes make equal archives.
            archive.start_file(name, SimpleFileOptions::default()).context("pack the corpus")?;
            archive.write_all(&bytes).context("pack the corpus")?;
        }
        let bytes = archive.finish().context("pack the corpus")?.into_inner();
        write(output, &bytes)?;
    } else {
        make_folder(output)?;
        for recipe in &entries.recipes {
            let (name, bytes) = file(recipe)?;
            write(&output.join(name), &bytes)?;
        }
    }
    Ok(entries.finish(&format!(
        "{} entries written to {}",
        entries.recipes.len(),
        output.display()
    )))
}
