//! `brink corpus export`.

use super::entries::{Entries, make_folder, write};
use crate::campaign::FUZZED_BYTES_MAX;
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
    /// Folders of recipes, or of a libFuzzer corpus
    #[arg(required = true, value_name = "FOLDER")]
    from: Vec<PathBuf>,
    /// Where to write the corpus: a folder, or an archive if it ends in .zip
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// Write the modules rather than the recipes
    #[arg(long)]
    modules: bool,
    /// Leave out recipes whose module has more bytes; fuzzers reject those above the default
    #[arg(long, value_name = "BYTES", default_value_t = FUZZED_BYTES_MAX)]
    max_bytes: u64,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let entries = Entries::read(&opts.from, opts.max_bytes)?;
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
