//! Sets of x86-64 CPU features that code is generated for.

use std::fmt;
use std::str::FromStr;

/// What code is generated for beyond SSE2, which every x86-64 has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cpu {
    /// What the target's row says.
    #[default]
    Target,
    /// These features and no others.
    Features(Features),
}

/// A set of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Features(u32);

/// One feature that Cranelift knows.
#[derive(Debug)]
pub struct Feature {
    /// Name in the text of a backend.
    pub name: &'static str,
    /// Cranelift's name for it.
    pub flag: &'static str,
    /// The first release of Wasmtime, by its first number, that knows it; 0 for all that there are.
    since: u64,
    /// Whether this machine has it.
    host: fn() -> bool,
}

macro_rules! features {
    ($(($name:literal, $flag:literal, $detected:tt, $since:literal)),* $(,)?) => {
        &[$(Feature { name: $name, flag: $flag, since: $since, host: detect!($detected) }),*]
    };
}

#[cfg(target_arch = "x86_64")]
macro_rules! detect {
    ($detected:tt) => {
        || std::arch::is_x86_feature_detected!($detected)
    };
}

#[cfg(not(target_arch = "x86_64"))]
macro_rules! detect {
    ($detected:tt) => {
        || false
    };
}

/// Every feature, in the order in which processors came to have them: each set of a ladder up this
/// list is one that exists, or nearly.
pub const FEATURES: &[Feature] = features![
    ("sse3", "has_sse3", "sse3", 0),
    ("ssse3", "has_ssse3", "ssse3", 0),
    ("sse41", "has_sse41", "sse4.1", 0),
    ("sse42", "has_sse42", "sse4.2", 0),
    ("popcnt", "has_popcnt", "popcnt", 0),
    ("avx", "has_avx", "avx", 0),
    ("avx2", "has_avx2", "avx2", 0),
    ("fma", "has_fma", "fma", 0),
    ("bmi1", "has_bmi1", "bmi1", 0),
    ("bmi2", "has_bmi2", "bmi2", 0),
    ("lzcnt", "has_lzcnt", "lzcnt", 0),
    ("avx512f", "has_avx512f", "avx512f", 0),
    ("avx512vl", "has_avx512vl", "avx512vl", 0),
    ("avx512dq", "has_avx512dq", "avx512dq", 0),
    ("avx512bitalg", "has_avx512bitalg", "avx512bitalg", 0),
    ("avx512vbmi", "has_avx512vbmi", "avx512vbmi", 0),
    ("avx512vnni", "has_avx512vnni", "avx512vnni", 48),
    ("avxvnni", "has_avx_vnni", "avxvnni", 48),
];

/// The name of the set without any feature.
const BASELINE: &str = "sse2";

/// The name that stands for what this machine has; it is read, never written.
const HOST: &str = "host";

impl Feature {
    /// Whether this machine has it.
    pub fn is_here(&self) -> bool {
        (self.host)()
    }
}

impl Features {
    /// SSE2 alone.
    pub const BASELINE: Features = Features(0);

    /// What this machine has.
    pub fn host() -> Features {
        Features::of(|_, feature| feature.is_here())
    }

    /// The first `count` of [`FEATURES`].
    pub fn first(count: usize) -> Features {
        Features::of(|at, _| at < count)
    }

    fn of(has: impl Fn(usize, &Feature) -> bool) -> Features {
        let bits = FEATURES.iter().enumerate().filter(|(at, feature)| has(*at, feature));
        Features(bits.map(|(at, _)| 1 << at).sum())
    }

    /// Whether this machine can run code for them.
    pub fn runs_here(self) -> bool {
        cfg!(target_arch = "x86_64") && self.0 & !Features::host().0 == 0
    }

    /// Those that a release of Wasmtime knows, by its first number.
    #[must_use]
    pub fn known_to(self, release: u64) -> Features {
        Features(self.0 & Features::of(|_, feature| feature.since <= release).0)
    }

    /// Their rows.
    pub fn iter(self) -> impl Iterator<Item = &'static Feature> {
        FEATURES.iter().enumerate().filter(move |(at, _)| self.0 >> at & 1 == 1).map(|(_, row)| row)
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(|feature| feature.name).collect();
        f.write_str(if names.is_empty() { BASELINE.to_owned() } else { names.join("+") }.as_str())
    }
}

impl FromStr for Features {
    type Err = ();

    fn from_str(text: &str) -> Result<Features, ()> {
        match text {
            HOST => Ok(Features::host()),
            BASELINE => Ok(Features::BASELINE),
            _ => {
                let place = |name| FEATURES.iter().position(|feature| feature.name == name);
                // `sse2..avx`: all that came before AVX, and AVX.
                let ladder = text.strip_prefix(BASELINE).and_then(|rest| rest.strip_prefix(".."));
                if let Some(last) = ladder {
                    return Ok(Features::first(place(last).ok_or(())? + 1));
                }
                text.split('+').try_fold(Features::BASELINE, |set, name| {
                    Ok(Features(set.0 | 1 << place(name).ok_or(())?))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_as_they_are_written() {
        for count in 0..=FEATURES.len() {
            let set = Features::first(count);
            assert_eq!(set.to_string().parse(), Ok(set));
            assert_eq!(set.iter().count(), count);
        }
        assert_eq!("avx+sse3".parse::<Features>().unwrap().to_string(), "sse3+avx");
        assert_eq!("sse2..ssse3".parse::<Features>().unwrap().to_string(), "sse3+ssse3");
        assert!("sse2..".parse::<Features>().is_err() && "sse2..sse9".parse::<Features>().is_err());
        assert_eq!("host".parse(), Ok(Features::host()));
        assert!("sse9".parse::<Features>().is_err() && "".parse::<Features>().is_err());
        assert!(Features::BASELINE.runs_here() || !cfg!(target_arch = "x86_64"));
    }
}
