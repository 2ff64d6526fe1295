//! The limits that a module is nearest to, and whether it is valid at all.

use crate::campaign::{Case, Repro};
use crate::cli::table;
use crate::limits::{self, HeadroomError, Limit, Source, Usage};
use crate::report;
use anyhow::{Context, Result};
use serde::Serialize;
use std::path::Path;
use wasmparser::{Validator, WasmFeatures};

/// Limits that are told of each module: those that it is nearest to.
const NEAREST: usize = 5;

/// How near a module is to a limit.
#[derive(Debug, Serialize)]
pub(super) struct Near {
    limit: &'static str,
    used: u64,
    /// The least that any source has.
    most: u64,
    percent: f64,
}

/// A module that is valid, and the limits that it is nearest to.
pub(super) fn examine(path: &Path, bytes: Vec<u8>) -> Result<(Case, Vec<Near>)> {
    let doing = || format!("check {}", path.display());
    let usage = match limits::headroom(&bytes) {
        Ok(usage) => usage,
        Err(error @ HeadroomError::Component) => return Err(error).with_context(doing),
        // The validator says the same better.
        Err(HeadroomError::Unreadable(_) | HeadroomError::UnknownIndex { .. }) => Usage::new(),
    };
    let near = nearest(&usage);
    if let Err(error) = Validator::new_with_features(WasmFeatures::all()).validate_all(&bytes) {
        let past = near.first().filter(|near| near.used > near.most);
        let past = past.map_or(String::new(), |near| {
            format!(" ({} of {} where {} are the most)", near.used, near.limit, near.most)
        });
        let line = crate::recipe::one_line(&error.to_string());
        return Err(anyhow::anyhow!("{line}{past}"))
            .with_context(|| format!("{}: it is not valid", doing()));
    }
    Ok((Case::of_module(&path.display().to_string(), bytes)?, near))
}

/// The limits that a module is nearest to, nearest first.
fn nearest(usage: &Usage) -> Vec<Near> {
    let of = |(id, used): (&'static str, u64)| {
        let most = least(limits::limit(id)?)?;
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let percent = used as f64 * 100.0 / most.max(1) as f64;
        // To a thousandth of a per cent.
        let percent = (percent * 1e3).round() / 1e3;
        Some(Near { limit: id, used, most, percent })
    };
    // Of whatever a module has one, that tells nothing.
    let mut all: Vec<Near> = usage.iter().filter(|(_, used)| *used > 1).filter_map(of).collect();
    all.sort_by(|a, b| b.percent.total_cmp(&a.percent).then(a.limit.cmp(b.limit)));
    all.truncate(NEAREST);
    all
}

/// The least of what sources say of a limit, since a module is to compile everywhere.
fn least(limit: &Limit) -> Option<u64> {
    let sources = [Source::JsApi, Source::Wasmparser, Source::Wasmtime, Source::V8];
    sources.into_iter().filter_map(|source| limit.value(source)).min()
}

/// The limits that the module is nearest to.
pub(super) fn headroom(repro: &Repro, near: &[Near]) -> String {
    let Case { subject, module_bytes, .. } = &repro.case;
    let mut text = format!("{subject}: {}\n", report::bytes(*module_bytes));
    if near.is_empty() {
        return text + "It uses nothing that is limited.\n\n";
    }
    let row = |near: &Near| {
        let percent = match near.percent {
            percent if percent < 0.01 => "under 0.01%".to_owned(),
            percent => format!("{percent:.2}%"),
        };
        vec![near.limit.to_owned(), near.used.to_string(), near.most.to_string(), percent]
    };
    let rows: Vec<Vec<String>> = near.iter().map(row).collect();
    text += &table::list(&["nearest limits", "used", "limit", "share"], &rows);
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_limits_come_first_and_the_strictest_source_counts() {
        let mut usage = Usage::new();
        usage.raise("function-locals", 25_000);
        usage.raise("types", 10);
        let near = nearest(&usage);
        assert_eq!((near[0].limit, near[0].used), ("function-locals", 25_000));
        assert!((near[0].percent - 50.0).abs() < 1.0, "{near:?}");
        assert_eq!(near.len(), 2);
        // 100 for the validator, 10,000,000 in the JavaScript interface.
        let tables = limits::limit("tables").unwrap();
        assert_eq!(least(tables), [tables.js_api, tables.wasmparser].into_iter().flatten().min());
    }

    #[test]
    fn what_is_not_valid_is_told_with_the_limit_that_it_is_past() {
        let text = "(module (func (local i64) i32.add))";
        let error = examine(Path::new("a.wat"), wat::parse_str(text).unwrap()).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("a.wat") && message.contains("not valid"), "{message}");
        let past = format!("(module (func {}))", "(local i64)".repeat(50_001));
        let error = examine(Path::new("b.wat"), wat::parse_str(past).unwrap()).unwrap_err();
        assert!(format!("{error:#}").contains("50001 of function-locals where 50000"), "{error:#}");
    }
}
