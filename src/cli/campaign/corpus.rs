//! The recipes that a campaign keeps: what hunts found to be best at something, and what findings
//! are made of, each in a file `<id>.toml`.

use super::rotation::RoundPlan;
use super::sweeping::Sweeping;
use crate::campaign::{Event, Finding, Observer, Subject};
use crate::cli::campaign::rotation::Step;
use crate::cli::exit::in_one_sentence;
use crate::cli::recipes;
use crate::recipe::Recipe;
use crate::shapes;
use crate::store::drop_leftovers;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The folder within the campaign's directory.
pub(crate) const FOLDER: &str = "corpus";

/// Recipes whose modules are larger are left to sweeps: a hunt begins with what is small.
const MODULE_BYTES_MAX: u64 = 64 << 20;

/// No more files are added than this: some weeks of a campaign.
const FILES_MAX: usize = 20_000;

/// Files that are no recipes and are told one by one.
const TOLD_MAX: usize = 20;

/// Files of one folder that are looked at: many times what fuzzers keep.
const LISTED_MAX: usize = 1 << 20;

/// The corpus of a campaign.
pub(super) struct Corpus {
    folder: PathBuf,
    /// Recipes that were swept, by their ids.
    swept: Mutex<BTreeSet<String>>,
    /// Warnings that were given.
    told: Mutex<BTreeSet<String>>,
    /// Files that are no recipes.
    left_out: Mutex<BTreeSet<PathBuf>>,
}

impl Corpus {
    /// The corpus of the campaign in `directory`, of which `past` is known.
    pub(super) fn at(directory: &Path, past: &[Event]) -> Corpus {
        drop_leftovers(&directory.join(FOLDER));
        let mut swept = BTreeSet::new();
        for event in past {
            if let Event::RoundEnded { step, recipes, .. } = event
                && step == Sweeping.name()
            {
                swept.extend(recipes.iter().cloned());
            }
        }
        Corpus {
            folder: directory.join(FOLDER),
            swept: Mutex::new(swept),
            told: Mutex::default(),
            left_out: Mutex::default(),
        }
    }

    /// How many files there are.
    pub(super) fn len(&self) -> usize {
        files(&self.folder).map_or(0, |files| files.len())
    }

    /// Keeps the recipes that are not there.
    pub(super) fn add<'r>(&self, recipes: impl IntoIterator<Item = &'r Recipe>) -> Result<()> {
        let mut room = FILES_MAX.saturating_sub(self.len());
        for recipe in recipes {
            if room > 0 && !self.folder.join(recipes::file_name(recipe)).exists() {
                fs::create_dir_all(&self.folder)
                    .with_context(|| format!("make the folder {}", self.folder.display()))?;
                recipes::write(recipe, &self.folder)?;
                room -= 1;
            }
        }
        Ok(())
    }

    /// Takes in the part of a folder's recipes that is a shard's; the folder may be that of a fuzzer.
    pub(super) fn import(
        &self,
        folder: &Path,
        (shard, shards): (u64, u64),
        observer: &dyn Observer,
    ) -> Result<()> {
        let mut part = Vec::new();
        for (_, path) in files(folder)? {
            let Some(recipe) = self.read(&path, observer) else { continue };
            let id = blake3::hash(recipe.to_toml().as_bytes());
            let word =
                id.as_bytes().iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte));
            let is_there = self.folder.join(recipes::file_name(&recipe)).exists();
            if word % shards == shard - 1 && !is_there {
                part.push(recipe);
            }
        }
        let room = FILES_MAX.saturating_sub(self.len());
        if part.len() > room {
            self.warn_once(
                format!(
                    "of the {} recipes in {} no more than {room} are taken in, as a corpus has at \
                     most {FILES_MAX}; `brink corpus minimise` makes it smaller",
                    part.len(),
                    folder.display()
                ),
                observer,
            );
        }
        self.add(&part)
    }

    /// The newest recipes, newest first.
    pub(super) fn newest(&self, most: usize, observer: &dyn Observer) -> Result<Vec<Recipe>> {
        self.recipes(most, observer, &BTreeSet::new())
    }

    /// The newest recipes that were not swept yet, newest first.
    pub(super) fn not_swept(&self, most: usize, observer: &dyn Observer) -> Result<Vec<Recipe>> {
        let swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.recipes(most, observer, &swept)
    }

    /// Notes what a round was about that has come to its end.
    pub(super) fn was_swept(&self, plan: &RoundPlan) {
        if plan.step == Sweeping.name() {
            let ids = plan.recipes.iter().map(|recipe| recipe.id().to_string());
            self.swept.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        }
    }

    /// The newest recipes whose ids are not among these.
    fn recipes(
        &self,
        most: usize,
        observer: &dyn Observer,
        without: &BTreeSet<String>,
    ) -> Result<Vec<Recipe>> {
        let mut files = files(&self.folder)?;
        files.sort_by(|a, b| b.cmp(a));
        // Most are named by their ids, and need not be read for that.
        let is_named = |path: &Path| {
            path.file_stem().and_then(|name| name.to_str()).is_some_and(|id| without.contains(id))
        };
        let recipes = files
            .iter()
            .filter(|(_, path)| !is_named(path))
            .filter_map(|(_, path)| self.read(path, observer))
            .filter(|recipe| !without.contains(&recipe.id().to_string()));
        Ok(recipes.take(most).collect())
    }

    /// The recipe in a file; where there is none, that is told once, of some files by name.
    fn read(&self, path: &Path, observer: &dyn Observer) -> Option<Recipe> {
        match read_recipe(path) {
            Ok(recipe) => Some(recipe),
            Err(error) => {
                let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
                if left_out.insert(path.to_owned()) && left_out.len() <= TOLD_MAX {
                    self.warn_once(
                        format!("left out: failed to {}", in_one_sentence(&error)),
                        observer,
                    );
                } else if left_out.len() > TOLD_MAX {
                    let message = "left out: more files that are no recipes, which are not named";
                    self.warn_once(message.to_owned(), observer);
                }
                None
            }
        }
    }

    /// Warns, unless it was done: rounds come to the same things again and again.
    pub(super) fn warn_once(&self, message: String, observer: &dyn Observer) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(message.clone()) {
            observer.observe(Event::Warned { message });
        }
    }
}

/// The recipe of a finding that anybody may see.
pub(super) fn recipe_of(finding: &Finding) -> Option<&Recipe> {
    match &finding.subject {
        Subject::Recipe(recipe) if !finding.is_sensitive() => Some(recipe),
        Subject::Recipe(_) | Subject::Module(_) => None,
    }
}

/// The files of a folder that recipes may be in, and of the folders in it, with their times; none
/// where it is not there. Those are left out whose names begin with a dot, as of what is being
/// written.
pub(crate) fn files(folder: &Path) -> Result<Vec<(SystemTime, PathBuf)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let doing = || format!("read the folder {}", folder.display());
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries.with_context(doing)?,
        };
        for entry in entries {
            let entry = entry.with_context(doing)?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // Links to folders are not followed: they may lead in a circle.
            if entry.file_type().with_context(doing)?.is_dir() {
                folders.push(entry.path());
            } else {
                let time = entry.metadata().and_then(|metadata| metadata.modified());
                files.push((time.unwrap_or(SystemTime::UNIX_EPOCH), entry.path()));
            }
            ensure!(
                files.len() <= LISTED_MAX,
                "{}: it has more than {LISTED_MAX} files; split it, or minimise it first",
                doing()
            );
        }
    }
    Ok(files)
}

/// The recipe in a file, which fits its shape and makes a module of a size that can be tried.
pub(crate) fn read_recipe(path: &Path) -> Result<Recipe> {
    let doing = || format!("read the recipe {}", path.display());
    let recipe = recipes::read(path).with_context(doing)?;
    let bytes = shapes::build(&recipe).with_context(doing)?.bytes.len();
    ensure!(
        bytes <= MODULE_BYTES_MAX,
        "{}: its module would have {bytes} bytes, and {MODULE_BYTES_MAX} are the most here",
        doing()
    );
    Ok(recipe)
}
