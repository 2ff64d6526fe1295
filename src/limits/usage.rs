//! How much of each limit a module uses: what a shape claims of the module it builds, and what
//! `headroom` measures of any module. The same type for both, so that tests can compare the two.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::limits::{LIMITS, limit};

/// The usage of each limit, in the limit's own unit. What is not mentioned is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Never holds a 0, so that equality is equality of the values.
    values: BTreeMap<&'static str, u64>,
}

impl Usage {
    /// Nothing used.
    pub fn new() -> Usage {
        Usage::default()
    }

    /// Makes the usage of the limit `id` at least `value`: for limits on the largest of many.
    ///
    /// Panics in debug builds when the table has no such limit.
    pub fn raise(&mut self, id: &'static str, value: u64) {
        debug_assert!(limit(id).is_some(), "unknown limit `{id}`");
        if value > self.get(id) {
            self.values.insert(id, value);
        }
    }

    /// Adds `value` to the usage of the limit `id`, saturating: for limits on a sum.
    ///
    /// Panics in debug builds when the table has no such limit.
    pub fn add(&mut self, id: &'static str, value: u64) {
        self.raise(id, self.get(id).saturating_add(value));
    }

    /// The usage of the limit `id`; 0 where nothing was recorded.
    pub fn get(&self, id: &str) -> u64 {
        self.values.get(id).copied().unwrap_or(0)
    }

    /// The limits of which something is used, with the usage, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        LIMITS.iter().map(|limit| (limit.id, self.get(limit.id))).filter(|(_, value)| *value > 0)
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Compact formats need the length before the entries.
        let mut map = serializer.serialize_map(Some(self.iter().count()))?;
        for (id, value) in self.iter() {
            map.serialize_entry(id, &value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Usage, D::Error> {
        let mut usage = Usage::new();
        for (id, value) in BTreeMap::<String, u64>::deserialize(deserializer)? {
            let limit =
                limit(&id).ok_or_else(|| D::Error::custom(format!("unknown limit `{id}`")))?;
            usage.raise(limit.id, value);
        }
        Ok(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Usage {
        let mut usage = Usage::new();
        usage.raise("tables", 3);
        usage.raise("types", 1);
        usage
    }

    #[test]
    fn raise_keeps_the_maximum_and_add_sums() {
        let mut usage = sample();
        usage.raise("tables", 2);
        assert_eq!(usage.get("tables"), 3);
        usage.add("tables", 2);
        assert_eq!(usage.get("tables"), 5);
        usage.add("tables", u64::MAX);
        assert_eq!(usage.get("tables"), u64::MAX);
        assert_eq!(usage.get("memories"), 0);
    }

    #[test]
    fn zero_is_the_same_as_absent() {
        let mut usage = Usage::new();
        usage.raise("tables", 0);
        usage.add("types", 0);
        assert!(usage.is_empty());
        assert_eq!(usage, Usage::default());
    }

    #[test]
    fn iteration_follows_the_table() {
        let ids: Vec<_> = sample().iter().collect();
        assert_eq!(ids, [("types", 1), ("tables", 3)]);
    }

    #[test]
    fn usage_survives_toml_and_postcard() {
        let usage = sample();
        let text = toml::to_string(&usage).unwrap();
        assert_eq!(text, "types = 1\ntables = 3\n");
        assert_eq!(toml::from_str::<Usage>(&text).unwrap(), usage);
        let bytes = postcard::to_stdvec(&usage).unwrap();
        assert_eq!(postcard::from_bytes::<Usage>(&bytes).unwrap(), usage);
    }

    #[test]
    fn an_unknown_limit_is_refused_when_read() {
        let error = toml::from_str::<Usage>("moons = 2").unwrap_err();
        assert!(error.to_string().contains("unknown limit `moons`"), "{error}");
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "unknown limit `moons`")]
    fn an_unknown_limit_panics_in_debug_builds() {
        Usage::new().raise("moons", 1);
    }
}
