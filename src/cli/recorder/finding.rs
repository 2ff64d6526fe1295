//! The folder of a finding: what is in it, and its report.

use crate::campaign::{Event, Finding, Subject};
use crate::engines::Backend;
use crate::job::Allocator;
use crate::report::{Evidence, Known, Tally, finding_report, wast};
use crate::shapes;
use crate::store::{Readers, RunDir, StoreError, read_events, write_file};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Modules up to this many bytes are kept with their finding; larger ones are made again from the
/// recipe when they are needed.
pub(in crate::cli) const KEPT_MODULE_BYTES: u64 = 256 * 1024;

/// What a finding's folder says about how to run it again.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cli) struct FindingFile {
    pub(in crate::cli) signature: String,
    pub(in crate::cli) oracle: String,
    pub(in crate::cli) summary: String,
    pub(in crate::cli) backend: Backend,
    /// Backends that the violation compares with.
    #[serde(default)]
    pub(in crate::cli) peers: Vec<Backend>,
    /// Parameters that are scaled together, for a violation that is about growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) scaled: Vec<String>,
    pub(in crate::cli) time_limit_s: u64,
    pub(in crate::cli) memory_limit_bytes: u64,
    /// Where memories came from when it was run.
    #[serde(default, skip_serializing_if = "Allocator::is_default")]
    pub(in crate::cli) allocator: Allocator,
    /// What the list of known issues says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) known: Option<String>,
    /// Since when and until when releases have it, as `brink bisect` found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) history: Option<String>,
}

/// Name of that file.
pub(in crate::cli) const FINDING_FILE: &str = "finding.toml";
/// Name of the recipe beside it.
pub(in crate::cli) const RECIPE_FILE: &str = "recipe.toml";
/// Name of the smallest recipe that shows it, where one was looked for.
pub(in crate::cli) const SMALLEST_FILE: &str = "smallest.toml";

/// Name of the file with its module, where that is small.
pub(in crate::cli) const SMALLEST_MODULE_FILE: &str = "smallest.wasm";
/// Name of its report.
pub(in crate::cli) const REPORT_FILE: &str = "report.md";

/// Writes the folder of a finding.
pub(super) fn keep_finding(
    directory: &RunDir,
    finding: &Finding,
    known: Option<&Known>,
) -> Result<(), StoreError> {
    let files = finding_files(directory, finding, known);
    let readers = Readers::of(finding.is_sensitive());
    directory.add_finding(&finding.signature.slug(), readers, &files).map(drop)
}

/// The files of a finding's folder.
pub(in crate::cli) fn finding_files(
    directory: &RunDir,
    finding: &Finding,
    known: Option<&Known>,
) -> Vec<(&'static str, Vec<u8>)> {
    let readers = Readers::of(finding.is_sensitive());
    let folder = directory.path().join(readers.folder()).join(finding.signature.slug());
    let description = FindingFile {
        signature: finding.signature.to_string(),
        oracle: finding.violation.oracle.clone(),
        summary: finding.violation.summary.clone(),
        backend: finding.backend.clone(),
        peers: finding.peers.clone(),
        scaled: finding.growth.as_ref().map(|it| it.scaled.clone()).unwrap_or_default(),
        time_limit_s: finding.budget.cpu_s,
        memory_limit_bytes: finding.budget.memory_bytes,
        allocator: finding.allocator,
        known: known.map(ToString::to_string),
        history: None,
    };
    let evidence = Evidence { standing: description.known.clone(), ..Evidence::default() };
    let report = finding_report(finding, &folder.display().to_string(), RECIPE_FILE, &evidence);
    let description =
        toml::to_string(&description).expect("a table of strings, numbers and names is TOML");
    let mut files = vec![
        (FINDING_FILE, description.into_bytes()),
        (REPORT_FILE, report.into_bytes()),
        ("stderr.tail", finding.outcome.stderr_tail.clone().into_bytes()),
    ];
    if let Subject::Recipe(recipe) = &finding.subject {
        files.push((RECIPE_FILE, recipe.to_toml().into_bytes()));
        if finding.outcome.measurements.module_bytes <= KEPT_MODULE_BYTES
            && let Ok(module) = shapes::build(recipe)
        {
            files.push(("module.wasm", module.bytes.to_vec()));
        }
        if let Some(text) = wast(finding) {
            files.push(("case.wast", text.into_bytes()));
        }
    }
    files
}

/// Writes the reports of a run's findings anew, with all that the run knows by its end. Those that
/// are security-sensitive have all of it already, since the log of events does not speak of them.
/// The jobs are in the log of the run in `log`.
pub(in crate::cli) fn write_reports(
    path: &Path,
    log: &Path,
    tally: &Tally,
) -> Result<(), StoreError> {
    let open: Vec<&Finding> =
        tally.findings.iter().filter(|finding| !finding.is_sensitive()).collect();
    if open.is_empty() {
        return Ok(());
    }
    let events = read_events::<Event>(log)?;
    for finding in open {
        let mut evidence = evidence(finding, &events);
        let known = tally.known.get(&finding.signature.to_string());
        evidence.standing = known.map(ToString::to_string);
        let folder = path.join(Readers::Everybody.folder()).join(finding.signature.slug());
        // One that a person has moved away is not made again, and one that is about the smallest
        // case already stays.
        if folder.is_dir() && !folder.join(SMALLEST_FILE).exists() {
            let text =
                finding_report(finding, &folder.display().to_string(), RECIPE_FILE, &evidence);
            write_file(&folder.join(REPORT_FILE), &mut |file| file.write_all(text.as_bytes()))?;
        }
    }
    Ok(())
}

/// What the events of a run say of a finding.
pub(in crate::cli) fn evidence(finding: &Finding, events: &[Event]) -> Evidence {
    let runs = events.iter().filter_map(|event| {
        if let Event::JobEnded { subject, backend, outcome, .. } = event {
            Some((subject, backend, &**outcome))
        } else {
            None
        }
    });
    Evidence::of(finding, runs)
}
