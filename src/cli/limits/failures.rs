//! What `brink limits` says of what fails: each failure once, with the backends that have it.

use super::told::{is_known, standing};
use super::{BUDGET, Opts};
use crate::campaign::{
    LimitFailure, LimitReport, LimitRun, LimitTest, LimitVerdict, SENSITIVE_TEST,
};
use crate::cli::exit::say;
use crate::cli::table::wrapped;
use crate::engines::Backend;
use crate::job::Budget;
use crate::report::Known;
use crate::store::Readers;
use crate::triage::KnownIssues;

/// One failure of a test.
struct Same<'a> {
    test: &'a LimitTest,
    failure: &'a LimitFailure,
    known: Option<Known>,
    backends: Vec<&'a Backend>,
}

/// Says what fails and what is unclear.
pub(super) fn tell(opts: &Opts, run: &LimitRun, report: &LimitReport, issues: &KnownIssues) {
    let mut all: Vec<Same<'_>> = Vec::new();
    for (&(test, backend), verdict) in &report.verdicts {
        let Some(failure) = verdict.failure() else { continue };
        let (test, backend) = (&run.tests[test], &run.backends[backend]);
        if test.shares().is_some_and(|other| run.tests.iter().any(|test| test.name == other)) {
            // It is the other's failure.
            continue;
        }
        let known = standing(issues, failure, backend);
        let is_same = |it: &&mut Same<'_>| {
            it.test == test && it.failure.words == failure.words && it.known == known
        };
        match all.iter_mut().find(is_same) {
            Some(same) => same.backends.push(backend),
            None => all.push(Same { test, failure, known, backends: vec![backend] }),
        }
    }
    for same in all {
        if !(opts.session.quiet && is_known(same.known.as_ref())) {
            one(opts, &run.budget, &same);
        }
    }
    for (&(test, backend), verdict) in &report.verdicts {
        let LimitVerdict::Unclear(reason) = verdict else { continue };
        let (test, backend) = (&run.tests[test].name, &run.backends[backend]);
        say(&wrapped(&format!("unclear {test} on {backend}: {reason}\n")));
    }
}

fn one(opts: &Opts, budget: &Budget, same: &Same<'_>) {
    let Same { test, failure, known, backends } = same;
    let word = if is_known(known.as_ref()) { "known" } else { "FAILED" };
    let names: Vec<String> = backends.iter().map(ToString::to_string).collect();
    let on = names.join(", ");
    if failure.is_sensitive {
        let place = opts.output.join(Readers::Owner.folder());
        return say(&wrapped(&format!(
            "{word} {SENSITIVE_TEST} on {on}: {}\n  what is kept of it is in {}\n",
            failure.words,
            place.display()
        )));
    }
    let expected = if test.accept { "accepted" } else { "refused" };
    let known = known.as_ref().map(|known| format!("  {known}\n")).unwrap_or_default();
    say(&wrapped(&format!(
        "{word} {} on {on}: expected to be {expected}, but {}\n{known}  module: {}\n",
        test.name, failure.words, test.recipe,
    )));
    // To be copied, so not wrapped.
    say(&format!("  {}\n", command(test, &names, budget)));
}

/// The command that runs a test again, beside the run directory.
fn command(test: &LimitTest, backends: &[String], budget: &Budget) -> String {
    let backends = backends.join(" ");
    let mut text = format!("brink limits --only {:?} -b {backends} -o again.out", test.name);
    if test.large {
        text += " --full";
    }
    if budget.cpu_s != BUDGET.cpu_s {
        text += &format!(" --time-limit {}s", budget.cpu_s);
    }
    if budget.memory_bytes != BUDGET.memory_bytes {
        text += &format!(" --memory-limit {}MiB", budget.memory_bytes >> 20);
    }
    text
}
