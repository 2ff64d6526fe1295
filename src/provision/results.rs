//! Outcomes kept in the cache, so that a release is not asked the same twice.

use super::build::package::outcome_hash;
use super::{Cache, ProvisionError, file_error};
use crate::engines::Installed;
use crate::job::{Budget, Job, ModuleSource};
use crate::outcome::Outcome;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

impl Cache {
    /// What an engine answered to a job earlier, run by run; nothing where it was not asked.
    pub fn results(&self, engine: &Installed, job: &Job, module: &[u8; 32]) -> Vec<Outcome> {
        let file = self.results_file(engine, job, module);
        // What cannot be read was not asked.
        let text = fs::read_to_string(file).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Keeps what an engine answered.
    pub fn keep_results(
        &self,
        engine: &Installed,
        job: &Job,
        module: &[u8; 32],
        outcomes: &[Outcome],
    ) -> Result<(), ProvisionError> {
        let file = self.results_file(engine, job, module);
        let folder = file.parent().expect("the file is in a folder");
        fs::create_dir_all(folder).map_err(file_error("make", folder))?;
        let write = || -> io::Result<()> {
            let mut place = tempfile::NamedTempFile::new_in(folder)?;
            place.write_all(&serde_json::to_vec(outcomes)?)?;
            place.persist(&file)?;
            Ok(())
        };
        write().map_err(file_error("write", &file))
    }

    /// Named by everything that an outcome depends on; `module` is the hash of the module.
    fn results_file(&self, engine: &Installed, job: &Job, module: &[u8; 32]) -> PathBuf {
        let Budget { cpu_s, wall_s, memory_bytes, output_bytes } = job.budget;
        let asked = format!(
            "{} {} {} {:?} {} {cpu_s} {wall_s} {memory_bytes} {output_bytes} {} {} {:?}",
            outcome_hash(),
            engine.version,
            engine.checksum,
            job.proposals,
            job.backend,
            job.repeat,
            job.edge.is_some() || job.execution.is_some() || job.shortage.is_some(),
            job.execution.as_ref().map(|execution| execution.allocator)
        );
        let mut hasher = blake3::Hasher::new();
        hasher.update(module).update(asked.as_bytes());
        let name = hasher.finalize().to_hex();
        let root = self.folder().parent().expect("the cache has a root");
        root.join("results").join(format!("{}.json", &name[..32]))
    }
}

/// Hash of the module of a job, and of whether all its accesses are needed, for naming its results.
pub fn module_hash(source: &ModuleSource, accesses_count: bool) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[u8::from(accesses_count)]);
    match source {
        ModuleSource::Inline(bytes) => drop(hasher.update(bytes)),
        ModuleSource::File(path) => drop(hasher.update_reader(fs::File::open(path)?)?),
        ModuleSource::Planted(planted) => drop(hasher.update(format!("{planted:?}").as_bytes())),
    }
    Ok(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_was_answered_is_found_by_all_that_it_depends_on() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::at(root.path());
        let engine = Installed::builtin();
        let job = Job {
            id: 1,
            module: ModuleSource::Inline(vec![1]),
            proposals: BTreeSet::new(),
            backend: "x86_64".parse().unwrap(),
            budget: Budget::new(1, 1 << 30),
            artifact: None,
            repeat: true,
            edge: None,
            execution: None,
            shortage: None,
        };
        let module = module_hash(&job.module, false).unwrap();
        let outcomes = [Outcome::infrastructure(1, "x".to_owned())];
        cache.keep_results(&engine, &job, &module, &outcomes).unwrap();
        assert_eq!(cache.results(&engine, &job, &module), outcomes);
        let others = [
            Job { backend: "s390x".parse().unwrap(), ..job.clone() },
            Job { budget: Budget::new(2, 1 << 30), ..job.clone() },
        ];
        for other in others {
            assert!(cache.results(&engine, &other, &module).is_empty());
        }
        let newer = Installed { checksum: "other".to_owned(), ..engine };
        assert!(cache.results(&newer, &job, &module).is_empty());
        assert!(cache.results(&newer, &job, &[0; 32]).is_empty());
    }
}
