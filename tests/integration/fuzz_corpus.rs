//! Corpora of fuzzers and recipes: from one form into the other, and what is no good in them.

use crate::brink;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use wasm_brink::campaign::SEED_BYTES_MAX;
use wasm_brink::recipe::Recipe;
use wasm_brink::shapes;

/// Runs the command in `place`, holds it to an exit code and returns standard error.
fn expect(code: i32, arguments: &[&str], place: &Path) -> String {
    let output = brink(arguments).current_dir(place).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{err}");
    err
}

/// The files of a folder, and of those in it, by their names.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            found.extend(files(&entry.path()).into_iter().map(|(n, b)| (format!("{name}/{n}"), b)));
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn the_seeds_are_those_that_the_command_makes() {
    let place = tempfile::tempdir().unwrap();
    expect(0, &["corpus", "seeds", "seeds"], place.path());
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/seeds");
    let (made, kept) = (files(&place.path().join("seeds")), files(&kept));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&kept), "`brink corpus seeds corpus/seeds` makes them");
    assert_eq!(made, kept, "`brink corpus seeds corpus/seeds` makes them");
}

#[test]
fn each_shape_is_among_the_seeds_once_and_small() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/seeds");
    let read = |folder: &str| -> Vec<Recipe> {
        let texts = files(&kept.join(folder)).into_values();
        texts.map(|text| Recipe::from_toml(&String::from_utf8(text).unwrap()).unwrap()).collect()
    };
    let recipes = read("recipes");
    let shapes: BTreeSet<&str> = recipes.iter().map(|recipe| recipe.shape.as_str()).collect();
    assert_eq!((shapes.len(), recipes.len()), (shapes::SHAPES.len(), shapes::SHAPES.len()));
    let accesses = read("accesses");
    assert!(accesses.len() > 40, "{}", accesses.len());
    for recipe in recipes.iter().chain(&accesses) {
        assert!(shapes::small(recipe, SEED_BYTES_MAX).is_some(), "{recipe} is no small seed");
    }
}

#[test]
fn recipes_survive_the_way_to_a_fuzzer_and_back() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    expect(0, &["corpus", "seeds", "seeds"], at);
    expect(0, &["corpus", "export", "seeds/recipes", "seeds/accesses", "-o", "fuzzer"], at);
    expect(0, &["corpus", "import", "fuzzer", "-o", "back"], at);
    let recipes = |folder: &str| -> Vec<Vec<u8>> {
        let compact = |text: Vec<u8>| {
            let recipe = Recipe::from_toml(&String::from_utf8(text).unwrap()).unwrap();
            shapes::to_bytes(&recipe).unwrap()
        };
        let mut all: Vec<Vec<u8>> = files(&at.join(folder)).into_values().map(compact).collect();
        all.sort();
        all
    };
    fs::remove_file(at.join("seeds/limits.dict")).unwrap();
    assert_eq!(recipes("seeds"), recipes("back"));

    expect(0, &["corpus", "export", "back", "-o", "one.zip"], at);
    expect(0, &["corpus", "export", "back", "-o", "two.zip"], at);
    assert_eq!(fs::read(at.join("one.zip")).unwrap(), fs::read(at.join("two.zip")).unwrap());
    expect(0, &["corpus", "export", "--modules", "seeds/recipes", "-o", "modules"], at);
    assert!(files(&at.join("modules")).values().all(|module| module.starts_with(b"\0asm")));
}

#[test]
fn minimising_keeps_one_of_a_kind() {
    let place = tempfile::tempdir().unwrap();
    let repeat = shapes::default_recipe(shapes::shape("repeat").unwrap());
    fs::create_dir(place.path().join("many")).unwrap();
    for count in [40, 41, 42, 43] {
        let path = place.path().join(format!("many/{count}"));
        fs::write(path, shapes::to_bytes(&repeat.clone().with("count", count)).unwrap()).unwrap();
    }
    let err = expect(0, &["corpus", "minimise", "many", "-o", "few"], place.path());
    assert!(err.contains("1 of 4 recipes") && err.contains("nearness"), "{err}");
    let kept = files(&place.path().join("few"));
    let text = String::from_utf8(kept.into_values().next().unwrap()).unwrap();
    assert_eq!(Recipe::from_toml(&text).unwrap().params["count"], 40);
}

#[test]
fn what_is_no_good_in_a_corpus_is_named_and_the_rest_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    fs::create_dir(at.join("in")).unwrap();
    let repeat = shapes::default_recipe(shapes::shape("repeat").unwrap());
    let compact = |recipe: &Recipe| shapes::to_bytes(recipe).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(at.join("in").join(name), bytes).unwrap();
    write("good", &compact(&repeat));
    write("empty", b"");
    write("junk", b"\xff\xfe\xfd");
    write("cut", &compact(&repeat)[..4]);
    write("other-version", &[9, 0, 0]);
    write("newer.toml", b"version = 99\nshape = \"repeat\"\n");
    write("large", &compact(&repeat.clone().with("count", 1_000_000)));
    fs::File::create(at.join("in/huge")).unwrap().set_len(100 << 20).unwrap();
    std::os::unix::fs::symlink("nowhere", at.join("in/dangling")).unwrap();
    let err = expect(1, &["corpus", "import", "in", "-o", "out"], at);
    let reasons = [
        ("in/empty", "the input is empty"),
        ("in/junk", "version 255"),
        ("in/cut", "compact recipe"),
        ("in/other-version", "version 9"),
        ("in/newer.toml", "format version 99"),
        ("in/large", "--max-bytes"),
        ("in/huge", "100.0 MiB"),
        ("in/dangling", "No such file"),
    ];
    for (file, reason) in reasons {
        let line = err.lines().find(|line| line.contains(&format!("left out {file}:")));
        assert!(line.is_some_and(|line| line.contains(reason)), "{file}: {err}");
    }
    assert!(err.contains("1 recipes written") && err.contains("8 files left out"), "{err}");
    assert_eq!(files(&at.join("out")).len(), 1);

    let err = expect(1, &["corpus", "import", "gone", "-o", "out"], at);
    assert!(err.contains("list the corpus gone") && !err.contains("panicked"), "{err}");
    let err = expect(1, &["corpus", "minimise", "in", "--fuzzer", "gone", "-o", "out"], at);
    assert!(err.contains("find the fuzzer"), "{err}");
}

#[test]
fn a_fuzzers_artifact_is_reproduced() {
    let place = tempfile::tempdir().unwrap();
    let repeat = shapes::default_recipe(shapes::shape("repeat").unwrap());
    fs::write(place.path().join("crash-abc"), shapes::to_bytes(&repeat).unwrap()).unwrap();
    let module = shapes::build(&repeat).unwrap().bytes.to_vec();
    fs::write(place.path().join("crash-def"), module).unwrap();
    for artifact in ["crash-abc", "crash-def"] {
        let output = brink(&["repro", artifact, "-b", "x86_64"]).current_dir(place.path()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains("accepted"));
    }
}
