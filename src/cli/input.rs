//! What a person names on the command line: a recipe in one of its forms, a module, a finding.

mod file;

use self::file::{read_file, read_finding};
use super::recorder::FindingFile;
use crate::campaign::Case;
use crate::recipe::{Recipe, UnitText};
use crate::shapes;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::collections::BTreeSet;
use std::path::Path;

/// What was named.
#[derive(Debug)]
pub(super) enum Input {
    /// A recipe, and the finding it came with, if any.
    Recipe(Recipe, Option<Box<FindingFile>>),
    /// A module in binary form.
    Module(Vec<u8>),
}

impl Input {
    /// The case of it, and the finding it came with; a module goes by `name`.
    pub(super) fn into_case(self, name: &str) -> Result<(Case, Option<Box<FindingFile>>)> {
        Ok(match self {
            Input::Recipe(recipe, finding) => {
                let mut case = Case::of_recipe(&recipe)?;
                if let (Some(execution), Some(finding)) = (&mut case.execution, &finding) {
                    execution.allocator = finding.allocator;
                }
                (case, finding)
            }
            Input::Module(bytes) => (Case::of_module(name, bytes)?, None),
        })
    }
}

/// What a command is about.
#[derive(Args, Clone, Debug)]
pub(super) struct InputOpts {
    /// A finding's folder, a recipe file, a module (.wasm, .wat), what a fuzzer left (crash-...), or a
    /// shape with parameters
    #[arg(required = true, value_name = "INPUT")]
    input: Vec<String>,
}

impl InputOpts {
    /// Reads it.
    pub(super) fn read(&self) -> Result<Input> {
        read(&self.input)
    }

    /// All of its words.
    pub(super) fn name(&self) -> String {
        self.input.join(" ")
    }

    /// The first of its words: the file or folder, where it is one.
    pub(super) fn first(&self) -> &str {
        &self.input[0]
    }
}

/// Reads what `words` name: a file or folder, or the shape of a recipe with its parameters, as
/// `repeat count=3`.
pub(super) fn read(words: &[String]) -> Result<Input> {
    let Some((first, rest)) = words.split_first() else {
        bail!("read an input: none was named");
    };
    let path = Path::new(first);
    let is_shape = shapes::shape(first).is_some();
    if rest.is_empty() && !is_shape {
        if path.is_dir() {
            return read_finding(path);
        }
        if path.exists() || first.contains(['/', '.']) {
            return read_file(path);
        }
    }
    recipe_from_words(first, rest).map(|recipe| Input::Recipe(recipe, None))
}

/// Reads the module in a file.
pub(super) fn read_module(path: &Path) -> Result<Vec<u8>> {
    match read_file(path)? {
        Input::Module(bytes) => Ok(bytes),
        Input::Recipe(..) => {
            let path = path.display();
            bail!("read {path} as a module: it is a recipe; `brink repro {path}` runs it")
        }
    }
}

/// `repeat count=3 unit="nop() -> drop"` from the words of a command line.
fn recipe_from_words(shape: &str, words: &[String]) -> Result<Recipe> {
    let known = shapes::shape(shape);
    let mut recipe = known.map_or_else(|| Recipe::new(shape), shapes::default_recipe);
    let mut named = BTreeSet::new();
    for word in words {
        let Some((name, value)) = word.split_once('=') else {
            bail!("understand {word:?} of the recipe: a parameter is `name=number`");
        };
        if !named.insert(name) {
            bail!("understand {word:?} of the recipe: {name} has been given before");
        }
        let number = || -> Result<u64> {
            value.replace('_', "").parse().with_context(|| {
                format!("set parameter {name} of shape {shape} to {value:?}: it takes a number")
            })
        };
        match name {
            "unit" => {
                let text = value.trim_matches('"');
                let unit = text.parse();
                recipe.unit = Some(UnitText(unit.with_context(|| format!("read unit {text:?}"))?));
            }
            "seed" => recipe.seed = number()?,
            name => recipe = recipe.with(name, number()?),
        }
    }
    shapes::check(&recipe)?;
    Ok(recipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::recorder::{FINDING_FILE, RECIPE_FILE};
    use std::fs;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_recipe_may_be_given_in_words() {
        let Input::Recipe(recipe, None) = read(&words("repeat count=1_000 seed=2")).unwrap() else {
            panic!("not a recipe")
        };
        assert_eq!((recipe.params["count"], recipe.seed), (1_000, 2));
        let error = read(&words("repeat count=1 count=2")).unwrap_err();
        assert!(error.to_string().contains("count has been given before"), "{error}");
    }

    #[test]
    fn what_cannot_be_read_is_named_in_one_sentence() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = place.path().join(name);
            fs::write(&path, bytes).unwrap();
            path.display().to_string()
        };
        let cases = [
            (file("empty.wasm", b""), "empty"),
            (file("crash-1", b"\x02\x00"), "compact recipe of version 2"),
            (file("crash-2", b"\x01\xff"), "end inside a number"),
            (file("junk.wasm", b"\xff\xfe\x00junk"), "neither"),
            (file("version.wasm", b"\x02\x00"), "neither"),
            (file("artifact.cwasm", b"\x7fELF\x02"), "a compiled module"),
            (file("text.wat", b"(module (func"), "neither"),
            (file("new.toml", b"version = 9\nshape = \"x\""), "version 9"),
            (file("bad.toml", b"version = 1"), "recipe"),
            (place.path().join("missing.wasm").display().to_string(), "No such file"),
            ("repaet".to_owned(), "did you mean \"repeat\""),
            ("repeat cuont=3".to_owned(), "did you mean \"count\""),
            ("repeat count=0".to_owned(), "from 1"),
            ("repeat count=x".to_owned(), "number"),
            ("repeat count".to_owned(), "name=number"),
        ];
        for (input, expected) in cases {
            let error = read(&words(&input)).unwrap_err();
            let message = format!("{error:#}");
            assert!(message.contains(expected), "{input}: {message}");
            assert!(!message.contains('\n'), "{message:?} is more than a sentence");
        }
    }

    #[test]
    fn a_finding_may_name_its_peers_and_must_have_limits_that_make_sense() {
        let place = tempfile::tempdir().unwrap();
        let recipe = shapes::default_recipe(shapes::shape("repeat").unwrap());
        fs::write(place.path().join(RECIPE_FILE), recipe.to_toml()).unwrap();
        let finding = |time_s: u64, bytes: u64, peers: &str| {
            let text = format!(
                "signature = \"s\"\noracle = \"o\"\nsummary = \"t\"\n\
                 backend = \"x86_64\"\n{peers}\n\
                 time_limit_s = {time_s}\nmemory_limit_bytes = {bytes}\n"
            );
            fs::write(place.path().join(FINDING_FILE), text).unwrap();
            read(&[place.path().display().to_string()])
        };
        for (peers, count) in [("", 0), ("peers = [\"s390x\", \"aarch64\"]", 2)] {
            let Input::Recipe(_, Some(read)) = finding(86_400, 1 << 40, peers).unwrap() else {
                panic!("not a finding")
            };
            assert_eq!(read.peers.len(), count);
        }
        let cases = [
            (0, 1 << 30, "time_limit_s is 0"),
            (86_401, 1 << 30, "time_limit_s is 86401"),
            (20, (1 << 20) - 1, "memory_limit_bytes is 1048575"),
            (20, (1 << 40) + 1, "memory_limit_bytes is"),
        ];
        for (time_s, bytes, expected) in cases {
            let message = format!("{:#}", finding(time_s, bytes, "").unwrap_err());
            assert!(message.contains(expected) && message.contains(FINDING_FILE), "{message}");
            assert!(!message.contains('\n'), "{message:?} is more than a sentence");
        }
    }
}
