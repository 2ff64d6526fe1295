//! A ladder of sizes as a table, with what its costs grow as.

use super::format::{bytes, microseconds};
use crate::campaign::Evidence;
use crate::oracles::{Ladder, Resource};
use std::fmt::Write;

/// Passes shown: the costliest at the largest size.
const PASSES_MAX: usize = 5;

/// Sizes against time and memory, and the powers that fit them, as Markdown.
pub fn growth_table(ladder: &Ladder) -> String {
    let mut out = String::new();
    let top = ladder.rungs.last().map(|rung| &rung.costs.passes_us);
    let mut passes: Vec<(&String, &u64)> = top.into_iter().flatten().collect();
    passes.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let passes: Vec<&String> = passes.into_iter().take(PASSES_MAX).map(|(pass, _)| pass).collect();
    // Writing to a string cannot fail.
    out.push_str("| module | CPU time | live memory | allocated | code |");
    for pass in &passes {
        let _ = write!(out, " {pass} |");
    }
    out.push_str("\n|---|---|---|---|---|");
    passes.iter().for_each(|_| out.push_str("---|"));
    out.push('\n');
    for rung in &ladder.rungs {
        let of = |resource| rung.costs.total.get(&resource).copied().unwrap_or(0);
        let _ = write!(
            out,
            "| {} | {} | {} | {} | {} |",
            bytes(rung.size),
            microseconds(of(Resource::Time)),
            bytes(of(Resource::Peak)),
            bytes(of(Resource::Allocated)),
            bytes(of(Resource::Code)),
        );
        for pass in &passes {
            let us = rung.costs.passes_us.get(*pass).copied().unwrap_or(0);
            let _ = write!(out, " {} |", microseconds(us));
        }
        out.push('\n');
    }
    let trends = ladder.trends();
    let trend = |resource: Resource, pass: Option<&String>| {
        let found = trends.iter().find(|t| t.resource == resource && t.pass.as_ref() == pass);
        found.map_or_else(|| "-".to_owned(), ToString::to_string)
    };
    out.push_str("| grows as |");
    for resource in [Resource::Time, Resource::Peak, Resource::Allocated, Resource::Code] {
        let _ = write!(out, " {} |", trend(resource, None));
    }
    for pass in passes {
        let _ = write!(out, " {} |", trend(Resource::Time, Some(pass)));
    }
    out.push('\n');
    out
}

/// The section of a finding's report.
pub(super) fn growth_section(evidence: &Evidence) -> String {
    format!(
        "\n## Growth with {}\n\nThe least of several runs of each size; N is the size of the module.\n\n{}",
        evidence.scaled.join(" and "),
        growth_table(&evidence.ladder)
    )
}
