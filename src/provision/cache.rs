//! The cache: a folder for each engine, with its description and its code.

use super::{ProvisionError, file_error};
use crate::engines::{Code, EngineId, Installed};
use crate::names::nearest;
use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The description of an engine in its folder.
const DESCRIPTION: &str = "engine.toml";

/// A cache of engines.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in `root`, which is made when the first engine is added.
    pub fn at(root: &Path) -> Cache {
        Cache { folder: root.join("engines") }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All engines, releases in their order, but for those that are damaged.
    pub fn list(&self) -> Result<Vec<Installed>, ProvisionError> {
        let mut engines: Vec<Installed> = self.entries()?.into_iter().flatten().collect();
        engines.sort_by(release_order);
        Ok(engines)
    }

    /// What is wrong with each engine that is damaged.
    pub fn damaged(&self) -> Result<Vec<ProvisionError>, ProvisionError> {
        Ok(self.entries()?.into_iter().filter_map(Result::err).collect())
    }

    fn entries(&self) -> Result<Vec<Result<Installed, ProvisionError>>, ProvisionError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(file_error("read the cache", &self.folder))?,
        };
        let mut engines = Vec::new();
        for entry in entries {
            let entry = entry.map_err(file_error("read the cache", &self.folder))?;
            // What is being put together, or was when a run was killed, has no name of an engine.
            let name = entry.file_name().into_string().unwrap_or_default();
            if let Ok(id) = name.parse::<EngineId>() {
                engines.push(self.read(&id));
            }
        }
        Ok(engines)
    }

    /// The engine that a person means: its name, or the beginning of a version, such as `41`, for
    /// the newest such release. Its code is what was put there.
    pub fn find(&self, name: &str) -> Result<Installed, ProvisionError> {
        if let Ok(id) = name.parse::<EngineId>()
            && self.folder.join(name).exists()
        {
            return checked(&self.read(&id)?);
        }
        let engines = self.list()?;
        let begins = |engine: &&Installed| {
            engine.id.as_str() == engine.version
                && engine.version.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        };
        let Some(engine) = engines.iter().rfind(begins) else {
            // The same release may be there as a worker alone.
            let same = engines.iter().find(|engine| engine.version == name);
            let ids = engines.iter().map(|engine| engine.id.as_str());
            let nearest = same.map(|engine| engine.id.as_str()).or_else(|| nearest(name, ids));
            let nearest = nearest.map(str::to_owned);
            return Err(ProvisionError::Unknown { name: name.to_owned(), nearest });
        };
        checked(engine)
    }

    /// Whether an engine of that name is there.
    pub fn has(&self, id: &EngineId) -> bool {
        self.folder.join(id.as_str()).join(DESCRIPTION).exists()
    }

    fn read(&self, id: &EngineId) -> Result<Installed, ProvisionError> {
        let folder = self.folder.join(id.as_str());
        let damaged = |reason: String| ProvisionError::Damaged { id: id.to_string(), reason };
        let file = folder.join(DESCRIPTION);
        let text = fs::read_to_string(&file)
            .map_err(|error| damaged(format!("read {}: {error}", file.display())))?;
        let mut engine: Installed = toml::from_str(&text)
            .map_err(|error| damaged(format!("{} is {}", file.display(), error.message())))?;
        if engine.id != *id {
            return Err(damaged(format!("its description is that of {}", engine.id)));
        }
        // A file in the folder stands there by its name alone, so that the cache can be moved.
        if let Some(file) = engine.code.file_mut() {
            *file = folder.join(&file);
        }
        Ok(engine)
    }

    /// Puts an engine together in a folder that `fill` fills, and moves it into the cache.
    pub fn add(
        &self,
        fill: impl FnOnce(&Path) -> Result<Installed, ProvisionError>,
    ) -> Result<Installed, ProvisionError> {
        fs::create_dir_all(&self.folder).map_err(file_error("make the cache", &self.folder))?;
        self.clean_up();
        let place = tempfile::Builder::new()
            .prefix(&format!(".new-{}-", std::process::id()))
            .tempdir_in(&self.folder)
            .map_err(file_error("make a folder in", &self.folder))?;
        let mut engine = fill(place.path())?;
        if let Some(file) = engine.code.file().cloned() {
            engine.checksum = checksum(&file).map_err(file_error("read", &file))?;
        }
        let mut kept = engine.clone();
        if let Some(file) = kept.code.file_mut()
            && let Ok(inside) = file.strip_prefix(place.path())
        {
            *file = inside.to_owned();
        }
        let text = toml::to_string(&kept).expect("a table of strings is TOML");
        let description = place.path().join(DESCRIPTION);
        fs::write(&description, text).map_err(file_error("write", &description))?;
        let folder = self.folder.join(engine.id.as_str());
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(file_error("replace", &folder))?;
        }
        fs::rename(place.path(), &folder).map_err(file_error("move an engine to", &folder))?;
        self.read(&engine.id)
    }

    /// Takes away what runs that were killed left behind.
    fn clean_up(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            let process = name.strip_prefix(".new-").or_else(|| name.strip_prefix(".old-"));
            let process = process.and_then(|rest| rest.split('-').next());
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                // What cannot be removed now can be later.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Removes an engine.
    pub fn remove(&self, name: &str) -> Result<EngineId, ProvisionError> {
        // What is damaged can be removed too, so it is not read.
        let id = match name.parse::<EngineId>() {
            Ok(id) if self.folder.join(id.as_str()).exists() => id,
            _ => self.find(name)?.id,
        };
        let folder = self.folder.join(id.as_str());
        // It is gone at once; what follows only frees the space.
        let gone = self.folder.join(format!(".old-{}-{id}", std::process::id()));
        fs::rename(&folder, &gone).map_err(file_error("remove", &folder))?;
        fs::remove_dir_all(&gone).map_err(file_error("remove", &gone))?;
        Ok(id)
    }
}

/// Blake3 of a file, in hexadecimal.
fn checksum(file: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(fs::File::open(file)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// The engine, if its code is what was added. What belongs to others changes when they like; it
/// gets the checksum that it has now.
fn checked(engine: &Installed) -> Result<Installed, ProvisionError> {
    let mut engine = engine.clone();
    let Some(file) = engine.code.file() else { return Ok(engine) };
    let damaged = |reason: String| ProvisionError::Damaged { id: engine.id.to_string(), reason };
    let now =
        checksum(file).map_err(|error| damaged(format!("read {}: {error}", file.display())))?;
    let own = matches!(engine.code, Code::Library(_) | Code::Worker(_));
    if own && now != engine.checksum {
        return Err(damaged(format!("{} has changed since it was added", file.display())));
    }
    engine.checksum = now;
    Ok(engine)
}

/// Releases by their version, then the others by their name.
pub fn release_order(a: &Installed, b: &Installed) -> Ordering {
    let version = |engine: &Installed| semver::Version::parse(&engine.version).ok();
    match (version(a), version(b)) {
        (Some(one), Some(other)) => one.cmp(&other).then_with(|| a.id.cmp(&b.id)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.id.cmp(&b.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds an engine, whose name may have words after the version.
    fn add(cache: &Cache, name: &str) -> Installed {
        let version = name.split('-').next().unwrap();
        let fill = |place: &Path| {
            let file = place.join("lib.so");
            fs::write(&file, version).unwrap();
            Ok(Installed {
                id: name.parse().unwrap(),
                version: version.to_owned(),
                code: Code::Library(file),
                ..Installed::builtin()
            })
        };
        cache.add(fill).unwrap()
    }

    #[test]
    fn releases_are_listed_in_order_and_found_by_the_beginning_of_their_version() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::at(root.path());
        assert!(cache.list().unwrap().is_empty());
        for name in ["41.0.1", "9.0.0", "41.0.0", "40.0.10", "40.0.2-all"] {
            add(&cache, name);
        }
        let ids: Vec<_> = cache.list().unwrap().into_iter().map(|e| e.id.to_string()).collect();
        assert_eq!(ids, ["9.0.0", "40.0.2-all", "40.0.10", "41.0.0", "41.0.1"]);
        assert_eq!(cache.find("41").unwrap().id.as_str(), "41.0.1");
        assert_eq!(cache.find("41.0.0").unwrap().id.as_str(), "41.0.0");
        let message = cache.find("4").unwrap_err().to_string();
        assert!(message.contains("brink engine add"), "{message}");
        let message = cache.find("40.0.2").unwrap_err().to_string();
        assert!(message.contains("did you mean \"40.0.2-all\""), "{message}");
        assert_eq!(cache.remove("41").unwrap().as_str(), "41.0.1");
        assert_eq!(cache.find("41").unwrap().id.as_str(), "41.0.0");
        let left = fs::read_dir(cache.folder()).unwrap().count();
        assert_eq!(left, 4, "a removed engine leaves something behind");
    }

    #[test]
    fn an_engine_that_has_changed_is_not_used_and_can_be_removed() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::at(root.path());
        let engine = add(&cache, "1.0.0");
        fs::write(engine.code.file().unwrap(), "other").unwrap();
        let message = cache.find("1.0.0").unwrap_err().to_string();
        assert!(message.contains("has changed") && message.contains("engine remove"), "{message}");
        fs::write(cache.folder().join("1.0.0").join(DESCRIPTION), "junk").unwrap();
        assert!(cache.find("1.0.0").is_err());
        cache.remove("1.0.0").unwrap();
        assert!(cache.list().unwrap().is_empty());
    }

    #[test]
    fn a_failure_leaves_the_cache_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::at(root.path());
        add(&cache, "1.0.0");
        let fill = |place: &Path| {
            fs::write(place.join("half"), "x").unwrap();
            Err(ProvisionError::Unknown { name: "x".to_owned(), nearest: None })
        };
        // Left by a run that was killed; there is no process of that number.
        fs::create_dir(cache.folder().join(".new-4194999-abc")).unwrap();
        assert!(cache.add(fill).is_err());
        assert_eq!(fs::read_dir(cache.folder()).unwrap().count(), 1);
        assert!(cache.find("1").is_ok());
    }
}
