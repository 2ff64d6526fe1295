//! What each directory has that is merged: its counts, its findings, and their files.

use crate::campaign::{Event, Finding, Stamped, Subject};
use crate::cli::recorder::{
    FINDING_FILE, FindingFile, RECIPE_FILE, REPORT_FILE, SMALLEST_FILE, finding_files,
};
use crate::cli::session::command_of;
use crate::engines::Backend;
use crate::recipe::Recipe;
use crate::report::Tally;
use crate::store::{Readers, RunDir, has_torn_line, read_events, read_run_file};
use crate::triage::Signature;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Larger files of a finding's folder are left where they are.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What one directory has.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) tally: Tally,
    pub(super) backends: Vec<Backend>,
    pub(super) spent_ms: u64,
    /// What of it cannot be merged.
    pub(super) faults: Vec<anyhow::Error>,
}

/// What a run directory has.
pub(super) fn read(path: &Path) -> Result<Source> {
    ensure!(path.is_dir(), "read it: there is no such directory");
    let command = command_of(&read_run_file(path)?).context("understand its run.json")?;
    if !["sweep", "hunt", "campaign", "limits", "merge"].contains(&command.as_str()) {
        bail!("read it: it is what `brink {command}` made, which is not merged");
    }
    let mut source = Source {
        path: path.to_owned(),
        tally: Tally::default(),
        backends: Vec::new(),
        spent_ms: 0,
        faults: Vec::new(),
    };
    // Before the log is read, since a run that goes on writes the folder of a finding first.
    let folders = folders_of_findings(path)?;
    for Stamped { ms, event } in read_events::<Stamped>(path)? {
        source.spent_ms = ms;
        if let Event::RunStarted { backends, .. } = &event {
            source.backends.clone_from(backends);
        }
        source.tally.add(&event);
    }
    source.faults = faults(&source, &folders)?;
    Ok(source)
}

/// The folders of findings within a run directory, by their places in it.
fn folders_of_findings(path: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for readers in [Readers::Everybody, Readers::Owner] {
        let all = path.join(readers.folder());
        let doing = || format!("read {}", all.display());
        let entries = match fs::read_dir(&all) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries.with_context(doing)?,
        };
        for entry in entries {
            let entry = entry.with_context(doing)?;
            // What is being written has a name that begins with a dot.
            let is_written = entry.file_name().as_encoded_bytes().starts_with(b".");
            if entry.path().is_dir() && !is_written {
                folders.push(Path::new(readers.folder()).join(entry.file_name()));
            }
        }
    }
    folders.sort();
    Ok(folders)
}

/// Where the log is cut short, and folders that it does not speak of: what they hold is not merged,
/// as nothing says that it was confirmed.
fn faults(source: &Source, folders: &[PathBuf]) -> Result<Vec<anyhow::Error>> {
    let path = source.path.display();
    let mut faults = Vec::new();
    if has_torn_line(&source.path)? {
        faults.push(anyhow!(
            "read all of the log in {path}: its last line is cut short; what it told is left out"
        ));
    }
    if source.tally.command.is_empty() {
        faults.push(anyhow!(
            "read the log in {path}: it does not say how the run began, so that what is missing is \
             not known; is the copy whole?"
        ));
    }
    let told: BTreeSet<PathBuf> = source.tally.findings.iter().map(place_of).collect();
    let untold: Vec<String> = folders
        .iter()
        .filter(|folder| !told.contains(*folder))
        .map(|folder| source.path.join(folder).display().to_string())
        .collect();
    if let [first, rest @ ..] = &untold[..] {
        let more =
            if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        faults.push(anyhow!(
            "merge {first}{more}: the log in {path} does not tell of it; go on with that run, or \
             try it with `brink repro`"
        ));
    }
    Ok(faults)
}

/// For each signature all findings that have it, and where they are: that with the smallest module
/// first, the others for where it is damaged.
pub(super) fn candidates(sources: &[Source]) -> Vec<Vec<(&Source, &Finding)>> {
    let mut all: BTreeMap<&Signature, Vec<(&Source, &Finding)>> = BTreeMap::new();
    for source in sources {
        for finding in &source.tally.findings {
            all.entry(&finding.signature).or_default().push((source, finding));
        }
    }
    let mut all: Vec<_> = all.into_values().collect();
    for same in &mut all {
        same.sort_by_cached_key(|(_, finding)| {
            let name = finding.subject.to_string();
            (finding.outcome.measurements.module_bytes, name.len(), name)
        });
    }
    all
}

/// Where the folder of a finding is in its run directory.
fn place_of(finding: &Finding) -> PathBuf {
    Path::new(Readers::of(finding.is_sensitive()).folder()).join(finding.signature.slug())
}

/// The files of a finding: those of its folder, or made anew where a person has moved that away.
pub(super) fn files(
    directory: &RunDir,
    source: &Source,
    finding: &Finding,
) -> Result<Vec<(String, Vec<u8>)>> {
    let place = place_of(finding);
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
    check(&files, &folder, finding)?;
    Ok(files)
}

/// Refuses files that are not those of the finding: what is damaged is not handed on.
fn check(files: &[(String, Vec<u8>)], folder: &Path, finding: &Finding) -> Result<()> {
    let text = |wanted: &str| {
        let file = files.iter().find(|(name, _)| name == wanted);
        file.map(|(_, bytes)| String::from_utf8_lossy(bytes))
    };
    let read = text(FINDING_FILE).and_then(|text| toml::from_str::<FindingFile>(&text).ok());
    ensure!(
        read.is_some_and(|file| file.signature == finding.signature.to_string()),
        "understand {}: it is not the description of this finding",
        folder.join(FINDING_FILE).display()
    );
    let read = |name: &str| {
        let doing = || format!("understand {}", folder.join(name).display());
        text(name).map(|text| Recipe::from_toml(&text).with_context(doing)).transpose()
    };
    let recipe = read(RECIPE_FILE)?;
    // What is security-sensitive is told in its folder alone.
    if let Subject::Recipe(told) = &finding.subject {
        ensure!(
            recipe.as_ref() == Some(told),
            "understand {}: it is not the recipe that the log tells of, {told}",
            folder.join(RECIPE_FILE).display()
        );
    }
    read(SMALLEST_FILE).map(drop)
}
