//! The promises of lists of known issues.

use super::*;
use crate::oracles::Severity;

const LIST: &str = r#"
version = 1

[[issue]]
id = "deep-chains"
address = "https://example.org/1"
oracle = "crash"
key = ["stack-overflow", "lower"]
targets = ["x86_64"]
affected = ["=35.0.0", ">=40, <40.0.2"]
shown-by = { version = 1, shape = "nest", params = { depth = 1000 } }

[[issue]]
id = "open"
address = "https://example.org/2"
oracle = "refusal"
key = ["too large"]

[[issue]]
id = "slow"
address = "https://example.org/3"
oracle = "timeout"
key = ["egraph", "globals"]
"#;

/// What is known of a violation whose module is heavy in globals.
fn standing(oracle: &str, key: &str, backend: &str) -> String {
    standing_of(LIST, oracle, key, "globals", backend)
}

fn standing_of(list: &str, oracle: &str, key: &str, heavy: &str, backend: &str) -> String {
    let signature = Signature(format!("{oracle} cranelift {key} {heavy}"));
    let violation = Violation {
        oracle: oracle.to_owned(),
        key: key.to_owned(),
        summary: String::new(),
        severity: Severity::Bug,
    };
    let issues = KnownIssues::from_toml(list).unwrap();
    match issues.standing(&violation, &signature, &backend.parse().unwrap()) {
        Standing::New => "new".to_owned(),
        Standing::Known(issue) => format!("known {}", issue.id),
        Standing::Back(issue) => format!("back {}", issue.id),
    }
}

#[test]
fn an_issue_matches_by_oracle_key_target_and_release() {
    let key = "stack-overflow a::lower + a::x";
    let cases = [
        ("crash", key, "40.0.1/x86_64:opt=none", "known deep-chains"),
        ("crash", key, "35.0.0-all/x86_64", "known deep-chains"),
        ("crash", key, "mine/x86_64", "known deep-chains"),
        ("crash", key, "40.0.2/x86_64", "back deep-chains"),
        ("crash", key, "x86_64", "back deep-chains"),
        ("crash", key, "40.0.1/aarch64", "new"),
        ("timeout", key, "40.0.1/x86_64", "new"),
        ("crash", "stack-overflow a::x", "40.0.1/x86_64", "new"),
        ("refusal", "Code too large", "aarch64", "known open"),
        ("refusal", "Code too large", "v8/baseline", "new"),
        ("timeout", "egraph", "aarch64", "known slow"),
        ("timeout", "regalloc", "aarch64", "new"),
    ];
    for (oracle, key, backend, expected) in cases {
        assert_eq!(standing(oracle, key, backend), expected, "{oracle} {key} {backend}");
    }
    assert_eq!(standing_of(LIST, "timeout", "egraph", "types", "aarch64"), "new");
}

#[test]
fn what_allocating_globals_cost_is_known() {
    for (oracle, key) in [("timeout", "egraph"), ("growth", "egraph CPU time")] {
        let on = |heavy, backend| standing_of(KNOWN_ISSUES, oracle, key, heavy, backend);
        assert_eq!(on("globals", "x86_64").split('-').next(), Some("known wasmtime"), "{oracle}");
        assert_eq!(on("types", "x86_64"), "new", "{oracle}");
        assert_eq!(on("globals", "winch-x86_64"), "new", "{oracle}");
    }
}

#[test]
fn only_what_compiled_as_much_on_an_affected_release_had_to_show_it() {
    let issues = KnownIssues::from_toml(LIST).unwrap();
    let issue = issues.iter().next().unwrap();
    let must = |depth: u64, backend: &str| {
        let recipe = Recipe::new("nest").with("depth", depth).with("kind", 1);
        issue.must_show(&recipe, &backend.parse().unwrap())
    };
    assert!(must(1_000, "40.0.1/x86_64"));
    assert!(!must(999, "40.0.1/x86_64"), "smaller");
    assert!(!must(1_000, "40.0.1/s390x"), "another target");
    assert!(!must(1_000, "x86_64"), "fixed there");
    assert!(!must(1_000, "mine/x86_64"), "who knows what that is");
    let open = issues.iter().nth(1).unwrap();
    assert!(!open.must_show(&Recipe::new("nest"), &"x86_64".parse().unwrap()));
}

#[test]
fn a_list_that_cannot_be_meant_is_refused_in_one_sentence() {
    let entry = |id: &str, address: &str, key: &str| {
        format!(
            "[[issue]]\nid = \"{id}\"\naddress = \"{address}\"\noracle = \"crash\"\n\
             key = {key}\n"
        )
    };
    let good = entry("a", "https://x", "[\"k\"]");
    assert!(KnownIssues::from_toml(&format!("version = 1\n{good}")).is_ok());
    let cases = [
        ("nonsense".to_owned(), "parse the known issues"),
        ("version = 2\nissues = 7".to_owned(), "version 2"),
        (format!("version = 1\n{good}{good}"), "twice"),
        (format!("version = 1\n{}", entry("a", "x", "[\"k\"]")), "https://"),
        (format!("version = 1\n{}", entry("a", "https://x", "[]")), "everything"),
        (format!("version = 1\n{}", entry("a", "https://x", "[\" \"]")), "everything"),
        (format!("version = 1\n{good}colour = 1\n"), "colour"),
        (format!("version = 1\n{good}affected = [\"new\"]\n"), "parse the known issues"),
    ];
    for (text, expected) in cases {
        let message = KnownIssues::from_toml(&text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
        assert!(!message.contains('\n'), "{message:?} is more than a sentence");
    }
}

#[test]
fn the_list_that_comes_with_brink_can_be_read_and_names_what_there_is() {
    let issues = KnownIssues::builtin();
    assert!(issues.iter().count() >= 3);
    for issue in issues.iter() {
        assert!(crate::oracles::ORACLES.iter().any(|oracle| oracle.id() == issue.oracle));
        for target in &issue.targets {
            assert!(target.parse::<Backend>().is_ok(), "{}: {target}", issue.id);
        }
        if let Some(recipe) = &issue.shown_by {
            assert!(crate::shapes::check(recipe).is_ok(), "{}", issue.id);
        }
    }
}
