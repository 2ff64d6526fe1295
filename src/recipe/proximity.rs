//! Where a parameter stands between a limit's minimum and the first value past it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Ten thousandths: the unit of [`Proximity::Fraction`].
const BASIS_POINTS: u64 = 10_000;

/// A position relative to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Proximity {
    /// The least that the limit's rule speaks of (0 or 1).
    Min,
    /// A fraction of the limit in basis points (1/10,000), rounded down; text `12.5%`.
    Fraction(u16),
    /// That many below the limit; text `at-3`.
    Below(u32),
    /// Exactly the limit: the last value that must be accepted.
    At,
    /// That many past the limit: must be refused; text `at+1`.
    Above(u32),
}

impl Proximity {
    /// The value between `min` and past `limit` that this proximity stands for.
    pub fn value(self, min: u64, limit: u64) -> u64 {
        match self {
            Proximity::Min => min,
            Proximity::Fraction(points) => {
                let scaled = u128::from(limit) * u128::from(points) / u128::from(BASIS_POINTS);
                u64::try_from(scaled).unwrap_or(u64::MAX).max(min)
            }
            Proximity::Below(n) => limit.saturating_sub(u64::from(n)).max(min),
            Proximity::At => limit,
            Proximity::Above(n) => limit.saturating_add(u64::from(n)),
        }
    }
}

impl fmt::Display for Proximity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proximity::Min => f.write_str("min"),
            Proximity::Fraction(points) => {
                let (whole, rest) = (points / 100, points % 100);
                let text = format!("{whole}.{rest:02}");
                write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
            }
            Proximity::Below(n) => write!(f, "at-{n}"),
            Proximity::At => f.write_str("at"),
            Proximity::Above(n) => write!(f, "at+{n}"),
        }
    }
}

/// Why a text is no proximity.
#[derive(Debug, Error)]
#[error(
    "understand the proximity {text:?}: it is `min`, a percentage such as `25%` or `0.5%`, `at`, \
     `at-N` or `at+N`"
)]
pub struct ProximityError {
    text: String,
}

impl FromStr for Proximity {
    type Err = ProximityError;

    fn from_str(text: &str) -> Result<Proximity, ProximityError> {
        let error = || ProximityError { text: text.to_owned() };
        if let Some(percent) = text.strip_suffix('%') {
            let (whole, rest) = percent.split_once('.').unwrap_or((percent, ""));
            if rest.len() > 2 {
                return Err(error());
            }
            let whole: u32 = whole.parse().map_err(|_| error())?;
            let rest: u32 = format!("{rest:0<2}").parse().map_err(|_| error())?;
            let points = whole.checked_mul(100).and_then(|w| w.checked_add(rest));
            let points = points.filter(|&p| u64::from(p) <= BASIS_POINTS).ok_or_else(error)?;
            return u16::try_from(points).map(Proximity::Fraction).map_err(|_| error());
        }
        match text {
            "min" => Ok(Proximity::Min),
            "at" => Ok(Proximity::At),
            _ => {
                let number = |n: &str| n.parse::<u32>().map_err(|_| error());
                if let Some(n) = text.strip_prefix("at-") {
                    number(n).map(Proximity::Below)
                } else if let Some(n) = text.strip_prefix("at+") {
                    number(n).map(Proximity::Above)
                } else {
                    Err(error())
                }
            }
        }
    }
}

impl TryFrom<String> for Proximity {
    type Error = ProximityError;

    fn try_from(text: String) -> Result<Proximity, ProximityError> {
        text.parse()
    }
}

impl From<Proximity> for String {
    fn from(proximity: Proximity) -> String {
        proximity.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in ["min", "at", "at-1", "at+1", "25%", "0.5%", "0.01%", "99.99%", "100%"] {
            assert_eq!(text.parse::<Proximity>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_text_in_the_message() {
        for text in ["", "%", "101%", "1.234%", "-1%", "at+", "at*2", "max", "at-x", "4294967297%"]
        {
            let message = text.parse::<Proximity>().unwrap_err().to_string();
            assert!(message.contains(&format!("{text:?}")), "{message}");
        }
    }

    #[test]
    fn values_stand_where_the_name_says() {
        let value = |text: &str| text.parse::<Proximity>().unwrap().value(1, 1_000);
        assert_eq!(value("min"), 1);
        assert_eq!(value("50%"), 500);
        assert_eq!(value("0.01%"), 1, "never below the minimum");
        assert_eq!(value("at-1"), 999);
        assert_eq!(value("at"), 1_000);
        assert_eq!(value("at+1"), 1_001);
        assert_eq!(Proximity::Fraction(5_000).value(0, u64::MAX), u64::MAX / 2, "no overflow");
    }
}
