//! What `brink limits` says of its tests.

use super::{BUDGET, Opts};
use crate::campaign::{
    LimitFailure, LimitReport, LimitRun, LimitTest, LimitVerdict, SENSITIVE_TEST,
};
use crate::cli::exit::say;
use crate::cli::known;
use crate::cli::table::{list, wrapped};
use crate::engines::Backend;
use crate::job::Budget;
use crate::report::{Known, Tally, findings_summary};
use crate::store::Readers;
use crate::triage::KnownIssues;
use std::collections::BTreeSet;

/// What the list of known issues says of a failure.
pub(super) fn standing(
    issues: &KnownIssues,
    failure: &LimitFailure,
    backend: &Backend,
) -> Option<Known> {
    let judged = failure.judged.as_ref()?;
    known::standing(issues, &judged.violation, &judged.signature, backend)
}

/// Says what came of the tests.
pub(super) fn tell(
    opts: &Opts,
    run: &LimitRun,
    report: &LimitReport,
    tally: &Tally,
    issues: &KnownIssues,
) {
    let (json, quiet) = (opts.session.json, opts.session.quiet);
    if json {
        return verdicts(run, report, issues);
    }
    if !quiet {
        table(run, report, issues);
        deviations(run, report);
    }
    for (&(test, backend), verdict) in &report.verdicts {
        let Some(failure) = verdict.failure() else { continue };
        let (test, backend) = (&run.tests[test], &run.backends[backend]);
        let known = standing(issues, failure, backend);
        if quiet && is_known(known.as_ref()) {
            continue;
        }
        let word = if is_known(known.as_ref()) { "known" } else { "FAILED" };
        let expected = if test.accept { "accepted" } else { "refused" };
        if failure.is_sensitive {
            let place = opts.output.join(Readers::Owner.folder());
            say(&wrapped(&format!(
                "{word} {SENSITIVE_TEST} on {backend}: {}\n  what is kept of it is in {}\n",
                failure.words,
                place.display()
            )));
            continue;
        }
        let known = known.map(|known| format!("  {known}\n")).unwrap_or_default();
        say(&wrapped(&format!(
            "{word} {} on {backend}: to be {expected}, and {}\n{known}  module: {}\n  {}\n",
            test.name,
            failure.words,
            test.recipe,
            command(test, backend, &run.budget)
        )));
    }
    for (&(test, backend), verdict) in &report.verdicts {
        let LimitVerdict::Unclear(reason) = verdict else { continue };
        let (test, backend) = (&run.tests[test].name, &run.backends[backend]);
        say(&wrapped(&format!("unclear {test} on {backend}: {reason}\n")));
    }
    if !quiet {
        if !tally.findings.is_empty() {
            say(&findings_summary(tally, Some(&opts.output)));
            say("\n");
        }
        summary(run, report, issues);
    }
}

/// The command that runs a test again, beside the run directory.
fn command(test: &LimitTest, backend: &Backend, budget: &Budget) -> String {
    let mut text = format!("brink limits --only {:?} -b {backend} -o again.out", test.name);
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

/// A line of JSON for each verdict.
fn verdicts(run: &LimitRun, report: &LimitReport, issues: &KnownIssues) {
    for (&(test, backend), verdict) in &report.verdicts {
        let (name, words) = words(verdict);
        let mut line = serde_json::json!({
            "event": "limit-verdict",
            "test": run.tests[test].name,
            "backend": run.backends[backend],
            "verdict": name,
            "words": words,
        });
        if let Some(failure) = verdict.failure() {
            if failure.is_sensitive {
                line["test"] = serde_json::json!(SENSITIVE_TEST);
            }
            let signature = failure.judged.as_ref().map(|judged| judged.signature.to_string());
            line["signature"] = serde_json::json!(signature);
            let known = standing(issues, failure, &run.backends[backend]);
            let known = known.filter(|known| !known.is_back);
            line["known"] = serde_json::json!(known.map(|known| known.id));
        }
        say(&format!("{line}\n"));
    }
}

fn is_known(known: Option<&Known>) -> bool {
    known.is_some_and(|known| !known.is_back)
}

fn words(verdict: &LimitVerdict) -> (&'static str, &str) {
    match verdict {
        LimitVerdict::Passed(words) => ("passed", words),
        LimitVerdict::CleanError(words) => ("clean-error", words),
        LimitVerdict::Deviates(reason) => ("deviates", reason),
        LimitVerdict::Failed(failure) => ("failed", &failure.words),
        LimitVerdict::Unclear(reason) => ("unclear", reason),
        LimitVerdict::NotApplicable(reason) => ("not-applicable", reason),
    }
}

/// A word for a cell of the table.
fn cell(verdict: Option<&LimitVerdict>, backend: &Backend, issues: &KnownIssues) -> &'static str {
    match verdict {
        None => "",
        Some(LimitVerdict::Passed(_)) => "ok",
        Some(LimitVerdict::CleanError(_)) => "error",
        Some(LimitVerdict::Deviates(_)) => "deviates",
        Some(LimitVerdict::Failed(failure)) => {
            let known = standing(issues, failure, backend);
            if is_known(known.as_ref()) { "known" } else { "FAILED" }
        }
        Some(LimitVerdict::Unclear(_)) => "unclear",
        Some(LimitVerdict::NotApplicable(_)) => "-",
    }
}

fn table(run: &LimitRun, report: &LimitReport, issues: &KnownIssues) {
    let names: Vec<String> = run.backends.iter().map(Backend::to_string).collect();
    let columns: Vec<&str> =
        std::iter::once("test").chain(names.iter().map(String::as_str)).collect();
    let rows = run.tests.iter().enumerate().map(|(at, test)| {
        let cells = run.backends.iter().enumerate().map(|(place, backend)| {
            cell(report.verdicts.get(&(at, place)), backend, issues).to_owned()
        });
        std::iter::once(test.name.clone()).chain(cells).collect()
    });
    say(&list(&columns, &rows.collect::<Vec<_>>()));
}

/// The deviations by design that were seen, each once.
fn deviations(run: &LimitRun, report: &LimitReport) {
    let seen = report.verdicts.iter().filter_map(|(&(test, _), verdict)| match verdict {
        LimitVerdict::Deviates(reason) => {
            let test = &run.tests[test];
            Some(format!("{}, {}: {reason}", test.row, test.stand))
        }
        LimitVerdict::Passed(_)
        | LimitVerdict::CleanError(_)
        | LimitVerdict::Failed(_)
        | LimitVerdict::Unclear(_)
        | LimitVerdict::NotApplicable(_) => None,
    });
    let seen: BTreeSet<String> = seen.collect();
    if !seen.is_empty() {
        say("\nDeviations by design:\n");
        seen.iter().for_each(|line| say(&wrapped(&format!("  {line}\n"))));
    }
    say("\n");
}

fn summary(run: &LimitRun, report: &LimitReport, issues: &KnownIssues) {
    let count = |name: &str| report.verdicts.values().filter(|v| words(v).0 == name).count();
    let known = report.verdicts.iter().filter(|&(&(_, backend), verdict)| {
        let known = verdict.failure().and_then(|it| standing(issues, it, &run.backends[backend]));
        is_known(known.as_ref())
    });
    let known = match known.count() {
        0 => String::new(),
        known => format!(" ({known} of them known)"),
    };
    say(&format!(
        "{} tests on {} backends: {} passed, {} ended with a clean error, {} deviate by design, \
         {} failed{known}, {} unclear, {} not applicable; {} of CPU time\n",
        run.tests.len(),
        run.backends.len(),
        count("passed"),
        count("clean-error"),
        count("deviates"),
        count("failed"),
        count("unclear"),
        count("not-applicable"),
        crate::report::microseconds(report.cpu_us),
    ));
}
