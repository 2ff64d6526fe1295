//! What each directory has that is merged: its counts, its findings, and their files.

use crate::campaign::{Event, Finding, Stamped};
use crate::cli::recorder::{FINDING_FILE, FindingFile, REPORT_FILE, finding_files};
use crate::cli::session::command_of;
use crate::engines::Backend;
use crate::report::Tally;
use crate::store::{Readers, RunDir, read_events, read_run_file};
use crate::triage::Signature;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Larger files of a finding's folder are left where they are.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What one directory has.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) tally: Tally,
    pub(super) backends: Vec<Backend>,
    pub(super) spent_ms: u64,
}

/// What a run directory has.
pub(super) fn read(path: &Path) -> Result<Source> {
    ensure!(path.is_dir(), "read it: there is no such directory");
    let command = command_of(&read_run_file(path)?).context("understand its run.json")?;
    if !["sweep", "hunt", "campaign", "merge"].contains(&command.as_str()) {
        bail!("read it: it is what `brink {command}` made, which is not merged");
    }
    let mut source = Source {
        path: path.to_owned(),
        tally: Tally::default(),
        backends: Vec::new(),
        spent_ms: 0,
    };
    for Stamped { ms, event } in read_events::<Stamped>(path)? {
        source.spent_ms = ms;
        if let Event::RunStarted { backends, .. } = &event {
            source.backends.clone_from(backends);
        }
        source.tally.add(&event);
    }
    Ok(source)
}

/// For each signature the finding with the smallest module, and where it is.
pub(super) fn smallest(sources: &[Source]) -> impl Iterator<Item = (&Source, &Finding)> {
    let mut smallest: BTreeMap<&Signature, (&Source, &Finding)> = BTreeMap::new();
    let size = |finding: &Finding| {
        let name = finding.subject.to_string();
        (finding.outcome.measurements.module_bytes, name.len(), name)
    };
    for source in sources {
        for finding in &source.tally.findings {
            let held = smallest.entry(&finding.signature).or_insert((source, finding));
            if size(finding) < size(held.1) {
                *held = (source, finding);
            }
        }
    }
    smallest.into_values()
}

/// The files of a finding: those of its folder, or made anew where a person has moved that away.
pub(super) fn files(
    directory: &RunDir,
    source: &Source,
    finding: &Finding,
) -> Result<Vec<(String, Vec<u8>)>> {
    let place =
        Path::new(Readers::of(finding.is_sensitive()).folder()).join(finding.signature.slug());
    let folder = source.path.join(&place);
    if !folder.is_dir() {
        ensure!(
            !finding.is_sensitive(),
            "find its folder {}: nothing else tells what is security-sensitive",
            folder.display()
        );
        let made = finding_files(directory, finding, None).into_iter();
        return Ok(made.map(|(name, bytes)| (name.to_owned(), bytes)).collect());
    }
    let doing = || format!("read {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(doing)? {
        let path = entry.with_context(doing)?.path();
        let metadata = path.symlink_metadata().with_context(doing)?;
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
            continue;
        }
        let mut bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        if name == REPORT_FILE {
            let there = directory.path().join(&place).display().to_string();
            let text = String::from_utf8_lossy(&bytes);
            bytes = text.replace(&folder.display().to_string(), &there).into_bytes();
        }
        files.push((name.to_owned(), bytes));
    }
    let description = files.iter().find(|(name, _)| name == FINDING_FILE);
    let text = description.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
    let read = text.and_then(|text| toml::from_str::<FindingFile>(&text).ok());
    ensure!(
        read.is_some_and(|file| file.signature == finding.signature.to_string()),
        "understand {}: it is not the description of this finding",
        folder.join(FINDING_FILE).display()
    );
    Ok(files)
}
