//! A libFuzzer target as a tool: it alone knows what an input covers.

use super::{ProvisionError, file_error, tool};
use std::path::Path;
use std::process::Command;

/// Copies the entries of `from` to the folder `into` that add to what the entries there cover.
pub fn merge_corpus(fuzzer: &Path, from: &Path, into: &Path) -> Result<(), ProvisionError> {
    let fuzzer = fuzzer.canonicalize().map_err(file_error("find the fuzzer", fuzzer))?;
    let doing = format!("merge a corpus with {}", fuzzer.display());
    let place = from.parent().unwrap_or(from);
    let mut command = Command::new(fuzzer);
    // What a fuzzer leaves of crashes goes where the rest is tidied up.
    command.args(["-merge=1", "-timeout=25", "-rss_limit_mb=2048"]).arg(into).arg(from);
    command.env("ASAN_OPTIONS", "detect_odr_violation=0").current_dir(place);
    tool::run(&mut command, &doing).map(drop)
}
