//! Sizes, times, parts and names of oracles as people write them on the command line.

use crate::engines::{TARGETS, Target, WEB_TARGETS};
use crate::names::{did_you_mean, nearest};
use crate::oracles::ORACLES;
use anyhow::{Result, ensure};
use std::time::Duration;

/// A time from a second to a day, in seconds.
pub(super) fn parse_seconds(text: &str) -> Result<u64, String> {
    let seconds = parse_time(text)?.as_secs();
    let fits = (1..=86_400).contains(&seconds);
    fits.then_some(seconds).ok_or_else(|| "it goes from 1 second to a day".to_owned())
}

/// A size such as `512MiB`, `4GiB`, `1g` or plain bytes.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(at);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(format!("{unit:?} is no unit of size; use KiB, MiB or GiB")),
    };
    let number: u64 = digits.parse().map_err(|_| "a size starts with a number".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "that is more than 64 bits can say".to_owned())
}

/// A size of memory: a job with less than this could not even start.
pub(super) fn parse_memory(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text)?;
    if bytes < 1 << 20 {
        return Err("memory is at least 1MiB here".to_owned());
    }
    Ok(bytes)
}

/// No time is longer, in seconds: a year.
const SECONDS_MAX: u64 = 365 * 86_400;

/// A time such as `90`, `90s`, `5m` or `2h`.
pub(in crate::cli) fn parse_time(text: &str) -> Result<Duration, String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(at);
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(format!("{unit:?} is no unit of time; use s, m or h")),
    };
    let number: u64 = digits.parse().map_err(|_| "a time starts with a number".to_owned())?;
    number
        .checked_mul(factor)
        .filter(|seconds| (1..=SECONDS_MAX).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| "a time is at least one second and at most a year".to_owned())
}

/// That there is such an oracle.
pub(in crate::cli) fn check_oracle(oracle: Option<&str>) -> Result<()> {
    let Some(oracle) = oracle else { return Ok(()) };
    let ids: Vec<&str> = ORACLES.iter().map(|oracle| oracle.id()).collect();
    ensure!(
        ids.contains(&oracle),
        "look for {oracle:?}{}: what can be wrong is {}",
        did_you_mean(nearest(oracle, ids.iter().copied())),
        ids.join(", ")
    );
    Ok(())
}

/// The names of backends in words of the command line. Commas part backends, as they part engines,
/// and also the knobs of a backend: behind a colon a word is one of its knobs, unless it has a colon
/// or a slash of its own or is what a target is called.
pub(super) fn backend_names(words: &[String]) -> Vec<String> {
    const SETS: [&str; 2] = ["default", "full"];
    let begins = |part: &str| {
        let is_target = |target: &Target| target.id == part;
        part.contains([':', '/'])
            || SETS.contains(&part)
            || TARGETS.iter().chain(WEB_TARGETS).any(is_target)
    };
    let mut names: Vec<String> = Vec::new();
    for word in words {
        let first = names.len();
        for part in word.split(',') {
            match names[first..].last_mut() {
                Some(name) if name.contains(':') && !begins(part) => {
                    *name += ",";
                    *name += part;
                }
                _ => names.push(part.to_owned()),
            }
        }
    }
    names
}

/// A part such as `2/4`.
pub(in crate::cli) fn parse_shard(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    parts
        .filter(|&(i, n): &(u64, u64)| (1..=n).contains(&i))
        .ok_or_else(|| format!("{text:?} is no part; write 1/4 for the first of four"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::KNOBS;

    #[test]
    fn parts_are_read_and_nonsense_is_not() {
        assert_eq!(parse_shard("2/4"), Ok((2, 4)));
        for text in ["", "0/4", "5/4", "1", "a/b", "1/0", "-1/2"] {
            assert!(parse_shard(text).is_err(), "{text:?} was read as a part");
        }
    }

    #[test]
    fn commas_part_backends_and_the_knobs_of_one() {
        let names = |words: &[&str]| {
            backend_names(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(names(&["x86_64,aarch64", "s390x"]), ["x86_64", "aarch64", "s390x"]);
        assert_eq!(names(&["x86_64:opt=none,fuel"]), ["x86_64:opt=none,fuel"]);
        let mixed = names(&["x86_64:opt=none,fuel,s390x,41.0.0/x86_64:epochs,guard=off,full"]);
        let wanted = ["x86_64:opt=none,fuel", "s390x", "41.0.0/x86_64:epochs,guard=off", "full"];
        assert_eq!(mixed, wanted);
        // What nobody knows is a backend or a knob by where it stands, and is told as that.
        assert_eq!(names(&["x86_64,aarch46"]), ["x86_64", "aarch46"]);
        assert_eq!(names(&["x86_64:fuel,fule"]), ["x86_64:fuel,fule"]);
    }

    #[test]
    fn no_knob_is_called_as_a_target_is() {
        for target in TARGETS.iter().chain(WEB_TARGETS) {
            assert!(KNOBS.iter().all(|knob| knob.name != target.id), "{}", target.id);
        }
    }

    #[test]
    fn sizes_and_times_are_read_with_their_units() {
        assert_eq!(parse_size("4GiB"), Ok(4 << 30));
        assert_eq!(parse_size("512m"), Ok(512 << 20));
        assert_eq!(parse_size("2097152"), Ok(2 << 20));
        assert_eq!(parse_size("512KiB"), Ok(512 << 10));
        assert!(parse_memory("512KiB").is_err());
        assert_eq!(parse_time("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_time("90"), Ok(Duration::from_secs(90)));
        for text in ["", "x", "4XiB", "99999999999999999999g", "-1g"] {
            assert!(parse_size(text).is_err(), "{text:?} was read as a size");
        }
        for text in ["", "0", "5d", "m"] {
            assert!(parse_time(text).is_err(), "{text:?} was read as a time");
        }
    }
}
