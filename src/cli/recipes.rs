//! Files with a recipe each: how they are read, named and written.

use crate::recipe::{RECIPE_TEXT_BYTES_MAX, Recipe, one_line};
use crate::store::write_file;
use crate::{report, shapes};
use anyhow::{Context, Result, anyhow, ensure};
use std::fs;
use std::io::Read;
use std::path::Path;

/// How the name of a recipe as text ends.
const EXTENSION: &str = "toml";

/// The recipe in a file, as text or in the compact form; it fits its shape. Reasons do not name the
/// file.
pub(super) fn read(path: &Path) -> Result<Recipe> {
    // Before it is opened: the other end of a pipe may never write.
    let data = fs::metadata(path).context("look at it")?;
    ensure!(data.is_file(), "it is no file");
    let file = fs::File::open(path).context("open it")?;
    let most = RECIPE_TEXT_BYTES_MAX as u64;
    ensure!(
        data.len() <= most,
        "it has {}, and no recipe has more than {}",
        report::bytes(data.len()),
        report::bytes(most)
    );
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).context("read it")?;
    let recipe = if is_named_as_one(path) {
        Recipe::from_toml(&String::from_utf8(bytes).context("read it as text")?)?
    } else {
        shapes::from_bytes(&bytes)?
    };
    shapes::check(&recipe).map_err(|error| anyhow!(one_line(&error.to_string())))?;
    Ok(recipe)
}

/// Whether a file goes by the name of a recipe as text.
pub(super) fn is_named_as_one(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

/// The name of a recipe's file: what is in two places has one name.
pub(super) fn file_name(recipe: &Recipe) -> String {
    format!("{}.{EXTENSION}", recipe.id())
}

/// Writes a recipe as text into a folder, under its id.
pub(super) fn write(recipe: &Recipe, folder: &Path) -> Result<()> {
    let path = folder.join(file_name(recipe));
    Ok(write_file(&path, &mut |file| file.write_all(recipe.to_toml().as_bytes()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_read_as_it_was_written_and_what_is_none_is_told() {
        let place = tempfile::tempdir().unwrap();
        let recipe = Recipe::new("locals").with("locals", 7);
        write(&recipe, place.path()).unwrap();
        let at = |name: &str| place.path().join(name);
        assert_eq!(read(&at(&file_name(&recipe))).unwrap().id(), recipe.id());
        fs::write(at("compact"), shapes::to_bytes(&recipe).unwrap()).unwrap();
        assert_eq!(read(&at("compact")).unwrap().id(), recipe.id());
        fs::write(at("long.toml"), "#".repeat(RECIPE_TEXT_BYTES_MAX + 1)).unwrap();
        fs::write(at("other.toml"), recipe.to_toml().replace("\"locals\"", "\"lokals\"")).unwrap();
        fs::create_dir(at("folder.toml")).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(at("pipe")).status();
        assert!(pipe.unwrap().success());
        for (name, reason) in [
            ("long.toml", "no recipe has more"),
            ("other.toml", "lokals"),
            ("folder.toml", "no file"),
            ("pipe", "no file"),
        ] {
            let error = format!("{:#}", read(&at(name)).unwrap_err());
            assert!(error.contains(reason), "{name}: {error}");
        }
    }
}
