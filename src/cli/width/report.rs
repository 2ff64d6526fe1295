//! What `brink width` prints of the matrix.

use super::Opts;
use crate::campaign::{Finding, WidthReport, Wrong};
use crate::cli::exit::say;
use crate::engines::{Backend, Cpu, FEATURES, Features};
use crate::report::bytes;
use crate::store::Readers;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Doubts and failures that are printed.
pub(super) const SHOWN: usize = 5;

/// Prints what the matrix brought.
pub(super) fn matrix(opts: &Opts, report: &WidthReport, findings: &[Finding], complete: bool) {
    if opts.json {
        return json(report);
    }
    if opts.quiet {
        return;
    }
    let mut out = String::new();
    if !complete {
        out.push_str("Interrupted. So far:\n");
    }
    for (key, wrong) in &report.wrong {
        let Some(Wrong { evidence, .. }) = wrong.first() else { continue };
        let on: BTreeSet<&Backend> = wrong.iter().map(|wrong| &wrong.backend).collect();
        let _ = writeln!(out, "{key}: {evidence}");
        for line in configurations(&on) {
            let _ = writeln!(out, "    on {line}");
        }
    }
    for (backend, reason) in report.unsure.iter().take(SHOWN) {
        let _ = writeln!(out, "uncertain on {}: {reason}", short(backend));
    }
    let not_taken: u64 = report.modules.values().map(|(_, not_taken)| not_taken).sum();
    let _ = writeln!(
        out,
        "{} accesses in {} functions on {} configurations, {} of code, in {:.1} s: {} operators \
         wrong, {} accesses uncertain, {} modules not checked, {not_taken} not taken",
        report.accesses,
        report.functions,
        report.modules.values().filter(|(looked_at, _)| *looked_at > 0).count(),
        bytes(report.code_bytes),
        report.stats.wall.as_secs_f64(),
        report.wrong.len(),
        report.unsure_count,
        report.failed.len(),
    );
    if opts.at_the_end {
        let (run, not_run, compared) = report.run;
        let _ = writeln!(
            out,
            "{} calls at the end of memory, in {run} modules, {compared} of them compared with \
             Pulley; {not_run} modules could not be run",
            report.calls
        );
        for (backend, reason) in report.not_run.iter().take(SHOWN) {
            let _ = writeln!(out, "not run on {}: {reason}", short(backend));
        }
    }
    if !findings.is_empty() {
        let private = opts.output.join(Readers::Owner.folder());
        let _ = writeln!(out, "Findings, security-sensitive, in folders that only you can read:");
        for finding in findings {
            let folder = private.join(finding.signature.slug());
            let _ = writeln!(out, "    brink repro {}", folder.display());
        }
    }
    say(&out);
}

fn json(report: &WidthReport) {
    for wrong in report.wrong.values().flatten() {
        let line = serde_json::json!({
            "backend": wrong.backend,
            "recipe": wrong.recipes.first(),
            "mismatch": wrong.evidence,
        });
        say(&format!("{line}\n"));
    }
    for (backend, (looked_at, not_taken)) in &report.modules {
        let line = serde_json::json!({
            "backend": backend,
            "modules_checked": looked_at,
            "modules_not_taken": not_taken,
        });
        say(&format!("{line}\n"));
    }
    say(&format!("{}\n", serde_json::json!({ "uncertain_count": report.unsure_count })));
    for (backend, reason) in &report.unsure {
        say(&format!("{}\n", serde_json::json!({ "backend": backend, "uncertain": reason })));
    }
    if report.calls > 0 {
        let (run, not_run, compared) = report.run;
        let line = serde_json::json!({
            "calls_at_the_end": report.calls,
            "modules_run": run,
            "modules_not_run": not_run,
            "modules_compared": compared,
        });
        say(&format!("{line}\n"));
    }
    for (backend, reason) in &report.not_run {
        say(&format!("{}\n", serde_json::json!({ "backend": backend, "not_run": reason })));
    }
    for (backend, reason) in &report.failed {
        say(&format!("{}\n", serde_json::json!({ "backend": backend, "failed": reason })));
    }
}

/// Configurations with the same knobs share a line, with their CPU sets.
fn configurations(backends: &BTreeSet<&Backend>) -> Vec<String> {
    let mut by_knobs: BTreeMap<String, Vec<Features>> = BTreeMap::new();
    for backend in backends {
        let mut plain = Backend::clone(backend);
        let cpus = by_knobs.entry({
            plain.knobs.cpu = Cpu::Target;
            plain.to_string()
        });
        if let Cpu::Features(features) = backend.knobs.cpu {
            cpus.or_default().push(features);
        } else {
            cpus.or_default();
        }
    }
    let line = |(knobs, cpus): (String, Vec<Features>)| {
        let sets = sets(&cpus);
        if sets.is_empty() { knobs } else { format!("{knobs}, {sets}") }
    };
    by_knobs.into_iter().map(line).collect()
}

/// CPU sets in words; those of the ladder that follow each other as one.
fn sets(cpus: &[Features]) -> String {
    let step = |cpu: &Features| (0..=FEATURES.len()).find(|&at| Features::first(at) == *cpu);
    let mut steps: Vec<usize> = cpus.iter().filter_map(step).collect();
    steps.sort_unstable();
    let mut words: Vec<String> = Vec::new();
    for run in steps.chunk_by(|one, next| one + 1 == *next) {
        let name = |at: usize| match at {
            0 => "sse2".to_owned(),
            at => format!("sse2..{}", FEATURES[at - 1].name),
        };
        words.push(match (run[0], run[run.len() - 1]) {
            (0, last) if last == FEATURES.len() => "every CPU set".to_owned(),
            (first, last) if first == last => format!("cpu {}", name(first)),
            (0, last) => format!("every CPU set up to {}", FEATURES[last - 1].name),
            (first, last) if last == FEATURES.len() => {
                format!("every CPU set from {} on", FEATURES[first - 1].name)
            }
            (first, last) => {
                let (first, last) = (FEATURES[first - 1].name, FEATURES[last - 1].name);
                format!("every CPU set from {first} to {last}")
            }
        });
    }
    let others = cpus.iter().filter(|cpu| step(cpu).is_none());
    words.extend(others.map(|cpu| format!("cpu {cpu}")));
    words.join(", ")
}

/// A backend without a long list of CPU features.
pub(super) fn short(backend: &Backend) -> String {
    match backend.knobs.cpu {
        Cpu::Target => backend.to_string(),
        Cpu::Features(features) => {
            let long = format!("cpu={features}");
            backend.to_string().replace(&long, &format!("cpu={}", set_name(features)))
        }
    }
}

/// The name of a CPU set: `sse2..avx` for all that came before AVX, and AVX.
fn set_name(features: Features) -> String {
    let ladder = (1..=FEATURES.len()).find(|&count| Features::first(count) == features);
    match ladder {
        Some(count) => format!("sse2..{}", FEATURES[count - 1].name),
        None => features.to_string(),
    }
}
