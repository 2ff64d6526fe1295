//! What a module promises, derived from how much of each limit it uses.
//!
//! Shapes never state an expectation by hand: they state usages, and this file compares them with
//! the table, so that a moved limit moves every expectation with it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::{Limit, Source, Usage, limit};

/// What must happen to an otherwise valid module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// Within every limit: each engine must accept it.
    Accept,
    /// Past a limit that the validator enforces: Wasmtime must refuse it.
    Reject {
        /// The id of the first such limit, in the order of the table.
        limit: String,
    },
    /// Past a limit of some source, but not of the validator: an engine may accept or refuse it.
    Either {
        /// One sentence with the numbers and the sources.
        reason: String,
    },
}

impl Expectation {
    /// The expectation for a module that uses `usage` and breaks no other rule.
    ///
    /// `Reject` wins over `Either`, and `Either` over `Accept`. Only limits with a usage above 0
    /// are looked at. V8's values play no part: they are for comparison.
    pub fn of(usage: &Usage) -> Expectation {
        let used = || {
            usage
                .iter()
                .map(|(id, value)| (limit(id).expect("Usage::iter yields ids of the table"), value))
        };
        if let Some((limit, _)) = used().find(|(limit, value)| exceeds(limit.wasmparser, *value)) {
            return Expectation::Reject { limit: limit.id.to_owned() };
        }
        match used().find_map(|(limit, value)| either_reason(limit, value)) {
            Some(reason) => Expectation::Either { reason },
            None => Expectation::Accept,
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expectation::Accept => f.write_str("accept"),
            Expectation::Reject { limit } => write!(f, "reject: past the limit {limit}"),
            Expectation::Either { reason } => write!(f, "either: {reason}"),
        }
    }
}

fn exceeds(limit: Option<u64>, value: u64) -> bool {
    limit.is_some_and(|limit| value > limit)
}

/// Why a module with `value` of `limit`, which the validator lets through, may still be refused.
fn either_reason(limit: &Limit, value: u64) -> Option<String> {
    let exceeded: Vec<String> = [Source::JsApi, Source::Wasmtime]
        .into_iter()
        .filter_map(|source| Some((source, limit.value(source)?)))
        .filter(|(_, max)| value > *max)
        .map(|(source, max)| format!("the {max} of {}", with_article(source)))
        .collect();
    if exceeded.is_empty() {
        return None;
    }
    let validator = match limit.wasmparser {
        Some(max) => format!("{} accepts up to {max}", Source::Wasmparser),
        None => format!("{} has no such limit", Source::Wasmparser),
    };
    Some(format!(
        "{value} {} of {} are more than {}, and {validator}.",
        limit.unit,
        limit.id,
        exceeded.join(" and "),
    ))
}

fn with_article(source: Source) -> String {
    match source {
        Source::JsApi => format!("the {source}"),
        Source::Wasmparser | Source::Wasmtime | Source::V8 => source.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(usages: &[(&'static str, u64)]) -> Expectation {
        let mut usage = Usage::new();
        for (id, value) in usages {
            usage.raise(id, *value);
        }
        Expectation::of(&usage)
    }

    fn reject(id: &str) -> Expectation {
        Expectation::Reject { limit: id.to_owned() }
    }

    fn reason(expectation: Expectation) -> String {
        match expectation {
            Expectation::Either { reason } => reason,
            other @ (Expectation::Accept | Expectation::Reject { .. }) => {
                panic!("expected Either, got {other}")
            }
        }
    }

    #[test]
    fn a_module_that_uses_nothing_is_accepted() {
        assert_eq!(of(&[]), Expectation::Accept);
    }

    #[test]
    fn exactly_at_a_limit_is_accepted_and_one_past_it_is_rejected() {
        assert_eq!(of(&[("function-locals", 50_000)]), Expectation::Accept);
        assert_eq!(of(&[("function-locals", 50_001)]), reject("function-locals"));
        assert_eq!(of(&[("subtype-depth", 63)]), Expectation::Accept);
        assert_eq!(of(&[("subtype-depth", 64)]), reject("subtype-depth"));
    }

    #[test]
    fn the_validator_rejects_where_the_js_api_would_still_accept() {
        assert_eq!(of(&[("tables", 100)]), Expectation::Accept);
        assert_eq!(of(&[("tables", 101)]), reject("tables"));
        assert_eq!(of(&[("tables", 100_000)]), reject("tables"));
    }

    #[test]
    fn a_br_table_past_the_limit_of_wasmtime_may_go_either_way() {
        assert_eq!(of(&[("br-table-entries", 65_520)]), Expectation::Accept);
        assert_eq!(
            reason(of(&[("br-table-entries", 65_521)])),
            "65521 entries of br-table-entries are more than the 65520 of Wasmtime 48, and \
             wasmparser 0.254 has no such limit."
        );
    }

    #[test]
    fn memory_past_the_js_api_may_go_either_way_until_the_validator_refuses_it() {
        let js_api = (1 << 37) - 1;
        assert_eq!(of(&[("memory64-pages", js_api)]), Expectation::Accept);
        assert_eq!(
            reason(of(&[("memory64-pages", js_api + 1)])),
            "137438953472 pages of memory64-pages are more than the 137438953471 of the JS API, \
             and wasmparser 0.254 accepts up to 281474976710656."
        );
        assert_eq!(of(&[("memory64-pages", (1 << 48) + 1)]), reject("memory64-pages"));
    }

    #[test]
    fn a_table_too_large_to_instantiate_may_go_either_way() {
        assert_eq!(of(&[("table-entries", 10_000_000)]), Expectation::Accept);
        let reason = reason(of(&[("table-entries", 10_000_001)]));
        assert!(reason.contains("10000001") && reason.contains("JS API"), "{reason}");
    }

    #[test]
    fn what_nobody_limits_is_accepted() {
        assert_eq!(of(&[("nesting-depth", 2_000_000)]), Expectation::Accept);
    }

    #[test]
    fn reject_wins_over_either() {
        let usages = [("table-entries", 10_000_001), ("struct-fields", 10_001)];
        assert_eq!(of(&usages), reject("struct-fields"));
    }

    #[test]
    fn the_first_limit_of_the_table_names_the_rejection() {
        assert_eq!(of(&[("catches", 10_001), ("types", 1_000_001)]), reject("types"));
    }

    #[test]
    fn expectations_survive_toml_and_postcard() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Holder {
            expectation: Expectation,
        }
        let either = Expectation::Either { reason: "because".to_owned() };
        for expectation in [Expectation::Accept, reject("types"), either] {
            let holder = Holder { expectation };
            let text = toml::to_string(&holder).unwrap();
            assert_eq!(toml::from_str::<Holder>(&text).unwrap(), holder, "{text}");
            let bytes = postcard::to_stdvec(&holder).unwrap();
            assert_eq!(postcard::from_bytes::<Holder>(&bytes).unwrap(), holder);
        }
    }

    #[test]
    fn expectations_read_as_text() {
        assert_eq!(Expectation::Accept.to_string(), "accept");
        assert_eq!(reject("types").to_string(), "reject: past the limit types");
    }
}
