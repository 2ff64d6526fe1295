//! What is wrong with folders, texts and names is told; what people wrote stays.

use super::*;
use crate::oracles::{Severity, Violation};
use crate::triage::Signature;
use semver::Version;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

const RECIPE: &str = r#"version = 1
shape = "repeat"
unit = "i32.add(load, const) -> store"
[params]
count = 1
"#;

const EXPECT: &str = r#"# What people wrote stays.
version = 1
title = "a bug" # so it is
source = "issue #1"
backends = ["x86_64", "x86_64:opt=none"]

# Those of the long-term branches were mended one by one.
[[expect]]
releases = ["=35", ">=36, <36.0.5", ">=40, <40.0.2"]
backends = ["x86_64:opt=none"]
verdict = "crash"
key = ["stack-overflow"]

[[expect]]
verdict = "pass"
"#;

fn case(place: &Path, name: &str, recipe: &str, expect: &str) -> PathBuf {
    let folder = place.join(name);
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in [(RECIPE_FILE, recipe), (EXPECT_FILE, expect)] {
        if !text.is_empty() {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    folder
}

fn expected(version: &str, backend: &str) -> String {
    let all = Expectations::from_toml(EXPECT).unwrap();
    let version = Version::parse(version).ok();
    all.of(version.as_ref(), &backend.parse().unwrap()).unwrap().to_string()
}

#[test]
fn ranges_of_releases_follow_the_branches() {
    let cases = [
        ("34.0.0", "pass"),
        ("35.0.1", "crash (stack-overflow)"),
        ("36.0.4", "crash (stack-overflow)"),
        ("36.0.5", "pass"),
        ("40.0.1", "crash (stack-overflow)"),
        ("40.0.2", "pass"),
        ("unknown", "pass"),
    ];
    for (version, verdict) in cases {
        assert_eq!(expected(version, "x86_64:opt=none"), verdict, "{version}");
    }
    assert_eq!(expected("35.0.0", "x86_64"), "pass");
}

#[test]
fn each_bad_folder_is_named_and_the_others_are_there() {
    let place = tempfile::tempdir().unwrap();
    let (one, two) = (place.path().join("one"), place.path().join("two"));
    case(&one, "good", RECIPE, EXPECT);
    case(&one, "no-expect", RECIPE, "");
    case(&one, "no-recipe", "", EXPECT);
    case(&one, "junk", RECIPE, "nonsense");
    case(&one, "newer-expect", RECIPE, "version = 9\nfoo = 1");
    case(&one, "newer-recipe", "version = 9\nfoo = 1", EXPECT);
    case(&one, "no-shape", &RECIPE.replace("repeat", "repaet"), EXPECT);
    case(&one, "no-backend", RECIPE, &EXPECT.replacen("x86_64", "x68_64", 1));
    case(&one, "no-oracle", RECIPE, &EXPECT.replace("\"crash\"", "\"crush\""));
    let both = case(&one, "both", RECIPE, EXPECT);
    fs::write(both.join(MODULE_FILE), b"\0asm").unwrap();
    // What is there in place of a file that was not fetched.
    fs::write(case(&one, "no-module", "", EXPECT).join(MODULE_FILE), "version https://").unwrap();
    let junk = b"\0asm\x01\0\0\0\x01\x07\x01\x60\x02\x7f\x7f\x01\xff";
    fs::write(case(&one, "junk-module", "", EXPECT).join(MODULE_FILE), junk).unwrap();
    fs::write(case(&one, "cut-module", "", EXPECT).join(MODULE_FILE), &junk[..12]).unwrap();
    case(&one, "old-expect", RECIPE, &EXPECT.replace("version = 1", "version = 0"));
    case(&one, "old-recipe", &RECIPE.replace("version = 1", "version = 0"), EXPECT);
    let filling = "#".repeat(64 * 1024);
    case(&one, "large-expect", RECIPE, &format!("{EXPECT}{filling}"));
    case(&one, "large-recipe", &format!("{RECIPE}{filling}"), EXPECT);
    symlink("nowhere", one.join("dangling")).unwrap();
    symlink("nowhere", case(&one, "no-text", "", EXPECT).join(RECIPE_FILE)).unwrap();
    let pipe = case(&one, "pipe", "", EXPECT).join(RECIPE_FILE);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    case(&one, "Same", RECIPE, EXPECT);
    case(&two, "same", RECIPE, EXPECT);
    fs::create_dir_all(one.join(".hidden")).unwrap();
    let nowhere = place.path().join("nowhere");
    let corpus = Corpus::read(&[one, two, nowhere]);
    let names: Vec<&str> = corpus.entries.iter().map(|entry| entry.slug.as_str()).collect();
    assert_eq!(names, ["good"]);
    let faults: Vec<String> = corpus.faults.iter().map(ToString::to_string).collect();
    let cases = [
        ("no-expect", "find expect.toml"),
        ("no-recipe", "find recipe.toml"),
        ("junk", "parse what is expected"),
        ("newer-expect", "format version 9"),
        ("newer-recipe", "format version 9"),
        ("no-shape", "did you mean \"repeat\""),
        ("no-backend", "did you mean \"x86_64\""),
        ("no-oracle", "\"crush\""),
        ("both", "remove one"),
        ("no-module/module.wasm", "does not begin"),
        ("junk-module/module.wasm", "read the module"),
        ("cut-module/module.wasm", "read the module"),
        ("old-expect", "format version 0"),
        ("old-recipe", "format version 0"),
        ("large-expect/expect.toml", "65536 are the most"),
        ("large-recipe/recipe.toml", "65536 are the most"),
        ("one/dangling", "follow the link"),
        ("no-text/recipe.toml", "follow the link"),
        ("pipe/recipe.toml", "it is no file"),
        ("one/Same", "two/same"),
        ("nowhere", "No such file"),
    ];
    for (name, words) in cases {
        let one = |text: &&String| text.contains(name) && text.contains(words);
        assert!(faults.iter().any(|text| one(&text)), "{name}: {faults:#?}");
    }
    assert_eq!(faults.len(), cases.len(), "{faults:#?}");
    assert!(faults.iter().all(|text| !text.contains('\n')), "{faults:#?}");
}

#[test]
fn a_directory_may_be_a_case_and_an_empty_one_is_a_fault() {
    let place = tempfile::tempdir().unwrap();
    let folder = case(place.path(), "good", RECIPE, EXPECT);
    // Named twice, it is still one.
    let others = ["good/.", "good/../good", "link"].map(|name| place.path().join(name));
    symlink("good", &others[2]).unwrap();
    let named = [&[folder.clone(), place.path().to_owned()][..], &others].concat();
    let corpus = Corpus::read(&named);
    assert_eq!((corpus.entries.len(), corpus.faults.len()), (1, 0), "{:?}", corpus.faults);
    let empty = place.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let fault = Corpus::read(&[empty]).faults.remove(0);
    assert!(fault.to_string().contains("find a case in"), "{fault}");
}

#[test]
fn what_cannot_be_meant_is_refused_in_one_sentence() {
    let cases = [
        ("title = \"a bug\"", "title = \" \"", "title and a source"),
        ("backends = [\"x86_64\", \"x86_64:opt=none\"]", "backends = []", "no backend"),
        ("backends = [\"x86_64\",", "backends = [\"41.0.0/x86_64\",", "names an engine"),
        ("backends = [\"x86_64\",", "backends = [\"pulley64:debug-info\",", "does not take"),
        ("backends = [\"x86_64:opt=none\"]", "backends = [\"s390x\"]", "not run"),
        ("source =", "time-limit-s = 0\nsource =", "time-limit-s"),
        ("source =", "memory-limit-mib = 0\nsource =", "memory-limit-mib"),
        ("source =", "colour = 1\nsource =", "colour"),
        ("key = [\"stack-overflow\"]", "key = [\"\"]", "match everything"),
        ("verdict = \"crash\"", "verdict = \"pass\"", "has no key"),
        ("verdict = \"crash\"", "also = [\"crush\"]\nverdict = \"crash\"", "\"crush\""),
        ("verdict = \"crash\"", "verdict = \"agreement\"", "compares backends"),
        ("verdict = \"crash\"", "verdict = \"growth\"", "ladder"),
        ("releases = [\"=35\",", "releases = [\"new\",", "parse what is expected"),
    ];
    for (old, new, expected) in cases {
        let text = EXPECT.replacen(old, new, 1);
        assert_ne!(text, EXPECT, "{old}");
        let message = Expectations::from_toml(&text).unwrap_err().to_string();
        assert!(message.contains(expected), "{new}: {message}");
        assert!(!message.contains('\n'), "{message:?} is more than a sentence");
    }
}

#[test]
fn a_new_case_is_one_that_can_be_read_again() {
    let new = |verdict: &str, scaled: &[&str]| New {
        specimen: Specimen::Recipe(Recipe::from_toml(RECIPE).unwrap()),
        title: "t".to_owned(),
        source: "s".to_owned(),
        backend: "x86_64".parse().unwrap(),
        budget: crate::job::Budget::new(10, 1 << 30),
        scaled: scaled.iter().map(|&name| name.to_owned()).collect(),
        expect: vec![seen("48.0.8", verdict, &["key"])],
    };
    let place = tempfile::tempdir().unwrap();
    let files = new("growth", &["count"]).files(place.path()).unwrap();
    files.into_iter().for_each(|(name, bytes)| fs::write(place.path().join(name), bytes).unwrap());
    assert_eq!(Entry::read(place.path()).unwrap().expectations.scaled, ["count"]);
    for (new, words) in [(new("growth", &[]), "`scaled`"), (new("agreement", &[]), "compares")] {
        let error = new.files(place.path()).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(EXPECT_FILE), "{error}");
    }
    let junk = Specimen::Module(b"\0asm\x01\0\0\0\xff".to_vec());
    let error = New { specimen: junk, ..new("crash", &[]) }.files(place.path()).unwrap_err();
    assert!(error.to_string().contains("read the module"), "{error}");
}

fn seen(version: &str, verdict: &str, key: &[&str]) -> Expect {
    Expect {
        releases: vec![format!("={version}").parse().unwrap()],
        backends: vec!["x86_64".parse().unwrap()],
        verdict: verdict.to_owned(),
        key: key.iter().map(|text| (*text).to_owned()).collect(),
        also: Vec::new(),
    }
}

#[test]
fn blessing_keeps_what_people_wrote_and_replaces_what_was_blessed() {
    let backend = "x86_64".parse().unwrap();
    let of = |text: &str, version: &str| {
        let all = Expectations::from_toml(text).unwrap();
        all.of(Some(&Version::parse(version).unwrap()), &backend).unwrap().to_string()
    };
    let once = blessed(EXPECT, &seen("48.0.8", "memory", &["memory cranelift types"])).unwrap();
    assert_eq!(of(&once, "48.0.8"), "memory (memory cranelift types)");
    assert_eq!(of(&once, "48.0.7"), "pass");
    let removed: Vec<&str> = EXPECT.lines().filter(|line| !once.contains(line)).collect();
    assert_eq!(removed, Vec::<&str>::new(), "{once}");
    let twice = blessed(&once, &seen("48.0.8", "pass", &[])).unwrap();
    assert_eq!(of(&twice, "48.0.8"), "pass");
    assert!(!twice.contains("memory"), "{twice}");
    assert_eq!(twice.matches("[[expect]]").count(), 3, "{twice}");
    assert!(twice.contains("# Those of the long-term branches"), "{twice}");
}

#[test]
fn a_violation_is_expected_by_its_oracle_and_all_texts_of_the_key() {
    let violation = |oracle: &str, key: &str| Violation {
        oracle: oracle.to_owned(),
        key: key.to_owned(),
        summary: String::new(),
        severity: Severity::Bug,
    };
    let signature: Signature = serde_json::from_str("\"crash panic a.rs\"").unwrap();
    let expect = seen("1.0.0", "crash", &["panic", "fn_b"]);
    assert!(expect.is(&violation("crash", "fn_b"), &signature));
    assert!(!expect.is(&violation("crash", "fn_c"), &signature));
    assert!(!expect.is(&violation("timeout", "fn_b"), &signature));
}

#[test]
fn a_case_without_a_key_knows_no_other_violation() {
    let violation = Violation {
        oracle: "timeout".to_owned(),
        key: "egraph".to_owned(),
        summary: String::new(),
        severity: Severity::Bug,
    };
    let signature: Signature = serde_json::from_str("\"timeout cranelift egraph types\"").unwrap();
    let version: Version = "36.0.2".parse().unwrap();
    let knows_of = |verdict: &str, version| {
        let text = EXPECT.replace("verdict = \"crash\"\nkey = [\"stack-overflow\"]", verdict);
        assert_ne!(text, EXPECT);
        Expectations::from_toml(&text).unwrap().knows(&violation, &signature, Some(version))
    };
    let knows = |verdict: &str| knows_of(verdict, &version);
    assert!(knows("verdict = \"timeout\"\nkey = [\"egraph types\"]"));
    assert!(!knows("verdict = \"timeout\"\nkey = [\"egraph functions\"]"));
    let other = "99.0.0".parse().unwrap();
    assert!(!knows_of("verdict = \"timeout\"\nkey = [\"egraph types\"]", &other));
    assert!(!knows("verdict = \"timeout\""), "any timeout at all would be that one");
}

#[test]
fn a_name_is_made_of_words_that_say_something_new() {
    let words = ["blocks-params", "memory", "memory cranelift block-params x/Y_1.rs"];
    assert_eq!(slug(&words), "blocks-params-memory-cranelift-block-x-y-1-rs");
    assert!(slug(&["word ".repeat(50).as_str(), &"other ".repeat(9)]).len() <= 60);
    assert_eq!(slug(&["a-name"]), "a-name");
    assert_ne!(slug(&["A name"]), "A name");
}
