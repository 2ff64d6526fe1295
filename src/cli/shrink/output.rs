//! Where a shrink leaves its best so far, and the report that is made of it.

use super::Opts;
use crate::campaign::{Event, Finding, Subject};
use crate::cli::known;
use crate::cli::recorder::{
    KEPT_MODULE_BYTES, REPORT_FILE, SMALLEST_FILE, SMALLEST_MODULE_FILE, evidence,
};
use crate::recipe::{RECIPE_TEXT_BYTES_MAX, Recipe};
use crate::report::{Evidence, finding_report};
use crate::shapes;
use crate::shrink::{Candidate, Sample};
use crate::store::{StoreError, read_events, write_file};
use crate::triage::KnownIssues;
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};

/// Name of the smallest module.
const MODULE: &str = "smallest.wasm";

/// The file that the smallest goes to.
pub(super) struct Output {
    path: PathBuf,
    /// The finding's folder, where it is a finding.
    folder: Option<PathBuf>,
}

impl Output {
    /// The place that the options ask for. Outside a finding's folder nothing is replaced unless it
    /// is named.
    pub(super) fn of(opts: &Opts, input: &Candidate, is_finding: bool) -> Result<Output> {
        let name = match input {
            Candidate::Recipe(_) => SMALLEST_FILE,
            Candidate::Module(_) => MODULE,
        };
        let folder = is_finding.then(|| PathBuf::from(opts.input.first()));
        let path = match (&opts.output, &folder) {
            (Some(path), folder) => {
                let is_own = |folder: &PathBuf| {
                    path.exists()
                        && path.file_name().is_some_and(|name| name != SMALLEST_FILE)
                        && path.parent().is_some_and(|parent| parent == folder)
                };
                ensure!(
                    !folder.as_ref().is_some_and(is_own),
                    "write {}: it is a part of the finding; name another file with --output",
                    path.display()
                );
                path.clone()
            }
            (None, Some(folder)) => folder.join(name),
            (None, None) => {
                ensure!(
                    !Path::new(name).exists(),
                    "write {name}: there is one here already; name another file with --output"
                );
                PathBuf::from(name)
            }
        };
        Ok(Output { path, folder })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What an earlier shrink of the finding left.
    pub(super) fn earlier(&self) -> Option<Candidate> {
        let folder = self.folder.as_ref()?;
        let text = std::fs::read_to_string(folder.join(SMALLEST_FILE)).ok()?;
        let recipe =
            Recipe::from_toml(&text).ok().filter(|_| text.len() < RECIPE_TEXT_BYTES_MAX)?;
        shapes::check(&recipe).is_ok().then_some(Candidate::Recipe(recipe))
    }

    /// Keeps the best so far.
    pub(super) fn keep(&self, best: &Candidate) -> Result<(), StoreError> {
        let bytes = match best {
            Candidate::Recipe(recipe) => recipe.to_toml().into_bytes(),
            Candidate::Module(module) => module.clone(),
        };
        write_file(&self.path, &mut |file| file.write_all(&bytes))
    }

    /// Writes the finding's report anew, about the smallest, where that lies beside it.
    pub(super) fn report(
        &self,
        found: &Finding,
        input: &Candidate,
        samples: &[Sample],
        issues: &KnownIssues,
    ) -> Result<()> {
        let beside = self.folder.as_ref().filter(|folder| self.path == folder.join(SMALLEST_FILE));
        let Some(folder) = beside else { return Ok(()) };
        let of_samples = samples.iter().map(|s| (&s.subject, &found.backend, &s.outcome));
        let mut known = Evidence::of(found, of_samples);
        if let Candidate::Recipe(recipe) = input {
            let subject = Subject::Recipe(recipe.clone());
            known.verdicts = verdicts(folder, found, &subject);
            known.shrunk_from = Some(subject).filter(|from| *from != found.subject);
        }
        let standing = known::standing(issues, &found.violation, &found.signature, &found.backend);
        known.standing = standing.map(|standing| standing.to_string());
        let text = finding_report(found, &folder.display().to_string(), SMALLEST_FILE, &known);
        write_file(&folder.join(REPORT_FILE), &mut |file| file.write_all(text.as_bytes()))?;
        if let Subject::Recipe(recipe) = &found.subject
            && found.outcome.measurements.module_bytes <= KEPT_MODULE_BYTES
        {
            let module = shapes::build(recipe)?.bytes.to_vec();
            write_file(&folder.join(SMALLEST_MODULE_FILE), &mut |file| file.write_all(&module))?;
        }
        Ok(())
    }
}

/// What the run that made the finding knows of other backends.
fn verdicts(
    folder: &Path,
    found: &Finding,
    original: &Subject,
) -> std::collections::BTreeMap<String, &'static str> {
    let run = folder.parent().and_then(Path::parent);
    // A folder that was moved out of its run has no events, and that is all.
    let events = run.and_then(|run| read_events::<Event>(run).ok()).unwrap_or_default();
    let original = Finding { subject: original.clone(), ..found.clone() };
    evidence(&original, &events).verdicts
}
