//! Equal recipe, equal bytes, on every machine and in every version: the hash of each shape's
//! default module is kept in a file.
//!
//! A change here means that recipes in corpora and reports now make other modules. Where that is
//! meant, bless it with `BRINK_BLESS=1 cargo test --test integration recipes` and read the difference.

use std::fmt::Write;
use std::path::Path;
use wasm_brink::shapes::{SHAPES, build, default_recipe};

/// One line for each shape, in the order of the registry: id and hash.
fn hashes() -> String {
    let mut text = String::new();
    for shape in SHAPES {
        let module = build(&default_recipe(*shape)).expect("defaults fit their shape");
        let hash = blake3::hash(&module.bytes.to_vec()).to_hex();
        writeln!(text, "{} {hash}", shape.id()).expect("writing to a string does not fail");
    }
    text
}

#[test]
fn default_modules_have_the_blessed_bytes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/recipes.txt");
    let found = hashes();
    if std::env::var_os("BRINK_BLESS").is_some() {
        std::fs::write(&path, &found).expect("the golden file can be written");
        return;
    }
    let blessed = std::fs::read_to_string(&path).unwrap_or_default();
    let changed: Vec<&str> =
        found.lines().filter(|line| !blessed.lines().any(|old| old == *line)).collect();
    assert!(
        found == blessed,
        "the default modules of {changed:?} are not those of {}; if that is meant, bless them \
         with `BRINK_BLESS=1 cargo test --test integration recipes` and read the difference",
        path.display(),
    );
}
