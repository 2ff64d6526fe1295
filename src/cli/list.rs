//! `brink list`.

mod json;

use super::exit::say;
use super::{Exit, table};
use crate::engines::{KNOBS, TARGETS};
use crate::limits::{LIMITS, Source};
use crate::ops::{self, EXCUSES, Operator};
use crate::oracles::ORACLES;
use crate::shapes::SHAPES;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// What to list
    what: What,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Generators of modules with their parameters and limits
    Shapes,
    /// Compilers under test and their knobs
    Backends,
    /// Implementation limits and what each source enforces
    Limits,
    /// Operators with their types and access widths
    Ops,
    /// What counts as a finding
    Oracles,
}

/// A list: columns, rows, and lines to print after it.
struct List {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let text = if opts.json { as_json(opts.what)? } else { as_table(opts.what) };
    say(&text);
    Ok(Exit::Nothing)
}

fn as_json(what: What) -> Result<String> {
    let rows = match what {
        What::Shapes => json::shapes(),
        What::Backends => json::backends(),
        What::Limits => json::limits(),
        What::Ops => json::operators(),
        What::Oracles => json::oracles(),
    };
    Ok(serde_json::to_string_pretty(&rows).context("print JSON")? + "\n")
}

fn as_table(what: What) -> String {
    let list = match what {
        What::Shapes => shapes(),
        What::Backends => backends(),
        What::Limits => limits(),
        What::Ops => operators(),
        What::Oracles => oracles(),
    };
    let mut text = table::list(list.columns, &list.rows);
    for note in &list.notes {
        text.push('\n');
        text.push_str(table::wrapped(note).trim_end());
        text.push('\n');
    }
    text
}

fn shapes() -> List {
    let rows = SHAPES.iter().map(|shape| {
        let params = shape
            .params()
            .iter()
            .map(|p| format!("{}={} ({}..{}: {})", p.name, p.default, p.min, p.max, p.summary));
        let axes: Vec<&str> = shape.axes().iter().map(|axis| axis.limit).collect();
        let unit = shape.unit().map_or("-".to_owned(), |kind| format!("{kind:?}").to_lowercase());
        vec![
            shape.id().to_owned(),
            shape.summary().to_owned(),
            unit,
            axes.join(", "),
            params.collect::<Vec<_>>().join("; "),
        ]
    });
    List {
        columns: &["shape", "module", "unit", "limits", "parameters"],
        rows: rows.collect(),
        notes: vec![format!("{} shapes", SHAPES.len())],
    }
}

fn backends() -> List {
    let rows = TARGETS.iter().map(|target| {
        let lacks: Vec<String> = target.lacks.iter().map(ToString::to_string).collect();
        vec![
            target.id.to_owned(),
            target.title.to_owned(),
            target.triple.to_owned(),
            target.cpu.join(" "),
            lacks.join(" "),
        ]
    });
    let knobs = KNOBS.iter().map(|knob| format!("  {:<17} {}", knob.name, knob.summary));
    let mut notes = vec![
        format!(
            "{} targets; sets: `default` (each with default knobs), `full` (each with every knob \
             turned once)",
            TARGETS.len()
        ),
        "Knobs, as in x86_64:opt=none,fuel :".to_owned(),
    ];
    notes.push(knobs.collect::<Vec<_>>().join("\n"));
    List {
        columns: &["backend", "title", "triple", "cpu features", "lacks"],
        rows: rows.collect(),
        notes,
    }
}

fn limits() -> List {
    let value = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let rows = LIMITS.iter().map(|limit| {
        let mut row = vec![limit.id.to_owned(), limit.kind.to_string(), limit.unit.to_owned()];
        row.push(limit.min.to_string());
        row.extend(Source::ALL.iter().map(|&source| value(limit.value(source))));
        row.push(limit.target().to_string());
        row.push(limit.note.to_owned());
        row
    });
    List {
        columns: &[
            "limit",
            "kind",
            "unit",
            "min",
            "JS API",
            "wasmparser",
            "Wasmtime",
            "V8",
            "at",
            "note",
        ],
        rows: rows.collect(),
        notes: vec![format!("{} limits; `at` is where brink aims", LIMITS.len())],
    }
}

fn operators() -> List {
    let types =
        |types: &[ops::Type]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let row = |op: &Operator| {
        vec![
            op.name.to_owned(),
            op.proposal.to_string(),
            types(op.params),
            types(op.results),
            op.access.map_or(String::new(), |a| format!("{:?} {}", a.kind, a.bytes).to_lowercase()),
            if op.can_trap { "yes" } else { "" }.to_owned(),
        ]
    };
    let mut by_proposal: BTreeMap<String, u64> = BTreeMap::new();
    for op in ops::operators() {
        *by_proposal.entry(op.proposal.to_string()).or_default() += 1;
    }
    let counts: Vec<String> =
        by_proposal.iter().map(|(proposal, count)| format!("{proposal} {count}")).collect();
    let excuses: Vec<String> =
        EXCUSES.iter().map(|e| format!("  {:<28} {}", e.ident, e.reason)).collect();
    let rows: Vec<Vec<String>> = ops::operators().map(row).collect();
    let total = rows.len() + EXCUSES.len();
    List {
        columns: &["operator", "proposal", "operands", "results", "access", "traps"],
        notes: vec![
            format!(
                "{total} operators known to wasmparser: {} with a row, {} excused",
                rows.len(),
                EXCUSES.len()
            ),
            counts.join(", "),
            format!("Excused:\n{}", excuses.join("\n")),
        ],
        rows,
    }
}

fn oracles() -> List {
    let rows =
        ORACLES.iter().map(|oracle| vec![oracle.id().to_owned(), oracle.summary().to_owned()]);
    List { columns: &["oracle", "violation"], rows: rows.collect(), notes: Vec::new() }
}
