//! A new case: its name and its files.

use super::{
    CorpusError, EXPECT_FILE, EXPECT_VERSION, Expect, Expectations, MODULE_FILE, RECIPE_FILE,
    Specimen, check_module,
};
use crate::engines::Backend;
use crate::job::Budget;
use serde::Serialize;
use std::path::Path;

/// Largest file of a case, in bytes. What makes a module is small; the module itself is not kept.
pub const FILE_BYTES_MAX: usize = 64 * 1024;

/// Longest name, in characters.
const SLUG_MAX: usize = 60;

/// A case that is to be added.
#[derive(Clone, Debug)]
pub struct New {
    /// What is compiled.
    pub specimen: Specimen,
    /// One line: what it is.
    pub title: String,
    /// Where it was found.
    pub source: String,
    /// On what.
    pub backend: Backend,
    /// Under which limits.
    pub budget: Budget,
    /// Parameters that are scaled together, of what is about growth.
    pub scaled: Vec<String>,
    /// What is expected, first of the releases that have it.
    pub expect: Vec<Expect>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct File<'a> {
    version: u32,
    title: &'a str,
    source: &'a str,
    backends: [&'a Backend; 1],
    time_limit_s: u64,
    memory_limit_mib: u64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scaled: &'a [String],
    expect: &'a [Expect],
}

impl New {
    /// Its files in such a folder, names and contents; they can be read again.
    pub fn files(&self, folder: &Path) -> Result<Vec<(&'static str, Vec<u8>)>, CorpusError> {
        let file = File {
            version: EXPECT_VERSION,
            title: &self.title,
            source: &self.source,
            backends: [&self.backend],
            time_limit_s: self.budget.cpu_s,
            memory_limit_mib: self.budget.memory_bytes >> 20,
            scaled: &self.scaled,
            expect: &self.expect,
        };
        let text = toml::to_string(&file).expect("texts, numbers and lists of them are TOML");
        let path = folder.join(EXPECT_FILE);
        Expectations::from_toml(&text).map_err(|source| CorpusError::Expect { path, source })?;
        let specimen = match &self.specimen {
            Specimen::Recipe(recipe) => (RECIPE_FILE, recipe.to_toml().into_bytes()),
            Specimen::Module(bytes) => {
                check_module(bytes, &folder.join(MODULE_FILE))?;
                (MODULE_FILE, bytes.clone())
            }
        };
        Ok(vec![specimen, (EXPECT_FILE, text.into_bytes())])
    }
}

/// A name from words: small letters, digits and dashes, cut between words.
pub fn slug(words: &[&str]) -> String {
    let mut name = String::new();
    for word in words.iter().flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric())) {
        if word.is_empty() || name.split('-').any(|there| there.eq_ignore_ascii_case(word)) {
            continue;
        }
        if name.len() + 1 + word.len() > SLUG_MAX {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(&word.to_ascii_lowercase());
    }
    name
}
