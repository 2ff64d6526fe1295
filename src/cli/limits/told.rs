//! What `brink limits` says of its tests.

use super::{Opts, failures};
use crate::campaign::{
    LimitFailure, LimitReport, LimitRun, LimitTest, LimitVerdict, SENSITIVE_TEST,
};
use crate::cli::exit::say;
use crate::cli::known;
use crate::cli::table::{list, wrapped};
use crate::engines::Backend;
use crate::report::{Known, Tally, findings_summary};
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
    let quiet = opts.session.quiet;
    if !quiet && !report.verdicts.is_empty() {
        table(run, report, issues);
        reasons(run, report);
    }
    failures::tell(opts, run, report, issues);
    if !quiet {
        if !tally.findings.is_empty() {
            say(&findings_summary(tally, Some(&opts.output)));
            say("\n");
        }
        summary(run, report, issues);
    }
}

/// A line of JSON for each verdict.
pub(super) fn verdicts(run: &LimitRun, report: &LimitReport, issues: &KnownIssues) {
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

pub(super) fn is_known(known: Option<&Known>) -> bool {
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

/// Why tests ended otherwise than well and are right, each reason once.
fn reasons(run: &LimitRun, report: &LimitReport) {
    let (mut deviations, mut errors) = (BTreeSet::new(), BTreeSet::new());
    for (&(test, _), verdict) in &report.verdicts {
        let LimitTest { name, row, stand, .. } = &run.tests[test];
        match verdict {
            LimitVerdict::Deviates(reason) => {
                deviations.insert(format!("{row}, {stand}: {reason}"));
            }
            LimitVerdict::CleanError(words) => {
                errors.insert(format!("{name}: {words}"));
            }
            LimitVerdict::Passed(_)
            | LimitVerdict::Failed(_)
            | LimitVerdict::Unclear(_)
            | LimitVerdict::NotApplicable(_) => {}
        }
    }
    for (title, lines) in [("Deviations by design", deviations), ("Clean errors", errors)] {
        if !lines.is_empty() {
            say(&format!("\n{title}:\n"));
            lines.iter().for_each(|line| say(&wrapped(&format!("  {line}\n"))));
        }
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
    let left = run.tests.len() * run.backends.len() - report.verdicts.len();
    let left = if left > 0 { format!(", {left} not run") } else { String::new() };
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let (tests, backends) = (run.tests.len(), run.backends.len());
    say(&wrapped(&format!(
        "{tests} test{} on {backends} backend{}: {} passed, {} ended with a clean error, {} deviate \
         by design, {} failed{known}, {} unclear, {} not applicable{left}; {} of CPU time\n",
        plural(tests),
        plural(backends),
        count("passed"),
        count("clean-error"),
        count("deviates"),
        count("failed"),
        count("unclear"),
        count("not-applicable"),
        crate::report::microseconds(report.cpu_us),
    )));
}
