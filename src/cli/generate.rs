//! `brink gen`.

use super::Exit;
use super::exit::remark;
use super::input::{self, Input};
use crate::recipe::{Proximity, Recipe};
use crate::report;
use crate::shapes;
use crate::store;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Largest module that is printed as text; printing takes many times the module's memory.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// Writes what is asked for.
type Writer<'a> = Box<dyn FnMut(&mut dyn Write) -> io::Result<()> + 'a>;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// A recipe file, a finding's folder, or a shape with parameters: repeat count=100
    /// unit="f64.sqrt(load) -> store"
    #[arg(required = true, value_name = "RECIPE")]
    recipe: Vec<String>,
    /// Move the shape's first axis to this proximity first: min, 25%, at, at+1 ...
    #[arg(long, value_name = "PROXIMITY")]
    at: Option<Proximity>,
    /// Where to write, - for standard output; text if it ends in .wat, the recipe itself if it ends
    /// in .toml
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write WebAssembly text
    #[arg(long)]
    wat: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let recipe = match input::read(&opts.recipe)? {
        Input::Recipe(recipe, _) => recipe,
        Input::Module(_) => bail!("make a module from {}: it is one already", opts.recipe[0]),
    };
    let recipe = match opts.at {
        Some(at) => move_to(&recipe, at)?,
        None => recipe,
    };
    let output = opts.output.as_deref().filter(|path| *path != Path::new("-"));
    let ends_in = |extension: &str| {
        output.is_some_and(|path| path.extension().is_some_and(|e| e == extension))
    };
    let module = shapes::build(&recipe)?;
    let as_text = opts.wat || ends_in("wat");
    let mut write: Writer<'_> = if ends_in("toml") {
        let text = recipe.to_toml();
        Box::new(move |sink: &mut dyn Write| sink.write_all(text.as_bytes()))
    } else if as_text {
        ensure!(
            module.bytes.len() <= TEXT_BYTES_MAX,
            "print a module of {}: text is for modules up to {}; write a .wasm file instead",
            report::bytes(module.bytes.len()),
            report::bytes(TEXT_BYTES_MAX)
        );
        let text =
            wasmprinter::print_bytes(module.bytes.to_vec()).context("print the module as text")?;
        Box::new(move |sink: &mut dyn Write| sink.write_all(text.as_bytes()))
    } else {
        Box::new(|sink: &mut dyn Write| module.bytes.write_to(sink))
    };
    match output {
        Some(path) => store::write_file(path, &mut *write)?,
        None => {
            let stdout = io::stdout();
            ensure!(
                as_text || !stdout.is_terminal(),
                "write a binary module to a terminal; name a file with --output or ask for --wat"
            );
            let mut sink = BufWriter::new(stdout.lock());
            write(&mut sink)
                .and_then(|()| sink.flush())
                .context("write the module to standard output")?;
        }
    }
    if output.is_some() {
        let length = module.bytes.len();
        let size = report::bytes(length);
        remark(&format!(
            "{recipe}: {length} bytes ({size}); expected: {}",
            module.facts.expectation()
        ));
    }
    Ok(Exit::Nothing)
}

fn move_to(recipe: &Recipe, at: Proximity) -> Result<Recipe> {
    shapes::check(recipe)?;
    let shape = shapes::shape(&recipe.shape).context("find the shape of the recipe")?;
    let axis = shape
        .axes()
        .first()
        .with_context(|| format!("move shape {} to {at}: it presses on no limit", recipe.shape))?;
    Ok(shapes::resolve(shape, axis, at, recipe)?)
}
