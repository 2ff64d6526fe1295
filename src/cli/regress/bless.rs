//! Writing what was seen into the expectations.

use super::output::Row;
use crate::campaign::Seen;
use crate::cli::exit::{remark, say};
use crate::cli::options::installed;
use crate::corpus::{EXPECT_FILE, Expect, blessed};
use crate::oracles::Severity;
use crate::provision::Cache;
use crate::store::write_file;
use crate::triage::severity;
use anyhow::{Context, Result};
use semver::VersionReq;

/// Writes down all that differs and shows what was changed in which file. Whether all of it could be
/// written: what is security-sensitive, or was not seen on a release, is left to a person.
pub(super) fn bless(rows: &[Row<'_>], cache: &Cache) -> Result<bool> {
    let mut all = true;
    for (check, checked) in rows {
        let Some(Seen::Differs(seen, _)) = checked.map(|checked| &checked.seen) else { continue };
        let path = check.entry.folder.join(EXPECT_FILE);
        let mut oracles = seen.also.iter().chain([&seen.verdict]);
        if oracles.any(|oracle| severity(oracle) == Severity::Security) {
            remark(&format!(
                "brink: failed to bless {}: what was seen is security-sensitive; once it is \
                 published, write it there yourself",
                path.display()
            ));
            all = false;
            continue;
        }
        let engine = installed(cache, check.backend.engine())?;
        if !engine.is_release() {
            remark(&format!(
                "brink: failed to bless {}: {} is no release, so what it does is not what {} does",
                path.display(),
                engine.id,
                engine.version
            ));
            all = false;
            continue;
        }
        let version = engine.version;
        let releases = vec![
            VersionReq::parse(&format!("={version}"))
                .with_context(|| format!("write the release {version} into {}", path.display()))?,
        ];
        let new = Expect { releases, ..(**seen).clone() };
        let old =
            std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let text = blessed(&old, &new).with_context(|| format!("write {}", path.display()))?;
        say(&format!("{}:\n{}", path.display(), difference(&old, &text)));
        write_file(&path, &mut |file| file.write_all(text.as_bytes()))?;
    }
    Ok(all)
}

/// The lines that went and came: all that lies between the lines that both begin and end with.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let went = old[..old.len() - tail].iter().map(|line| format!("- {line}\n"));
    let came = new[..new.len() - tail].iter().map(|line| format!("+ {line}\n"));
    went.chain(came).collect()
}
