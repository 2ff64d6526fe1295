//! The lists for other programs: numbers as numbers, several things as arrays, what is not there as
//! null.

use crate::engines::{KNOBS, Knob, TARGETS, Target};
use crate::limits::{LIMITS, Source};
use crate::ops::{self, EXCUSES, Excuse, Operator};
use crate::oracles::ORACLES;
use crate::shapes::{Param, SHAPES, Shape};
use serde_json::{Value, json};
use std::fmt::Debug;

/// The name of a variant in kebab-case, with what it carries behind it as it stands in the source.
fn kebab(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let mut kebab = String::new();
    for (at, c) in name.char_indices() {
        if c.is_uppercase() && at > 0 {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    kebab + rest
}

fn texts(items: &[impl ToString]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

pub(super) fn shapes() -> Vec<Value> {
    let param = |param: &Param| {
        let Param { name, summary, min, max, default } = param;
        json!({ "name": name, "summary": summary, "min": min, "max": max, "default": default })
    };
    let row = |shape: &&dyn Shape| {
        json!({
            "shape": shape.id(),
            "module": shape.summary(),
            "unit": shape.unit().map(|kind| kebab(&kind)),
            "limits": shape.axes().iter().map(|axis| axis.limit).collect::<Vec<_>>(),
            "parameters": shape.params().iter().map(param).collect::<Vec<_>>(),
        })
    };
    SHAPES.iter().map(row).collect()
}

/// Each with the knobs that it takes.
pub(super) fn backends() -> Vec<Value> {
    let knob = |knob: &Knob| json!({ "name": knob.name, "summary": knob.summary, "settings": knob.settings });
    let row = |target: &Target| {
        let knobs = KNOBS.iter().filter(|knob| target.takes(knob)).map(knob);
        json!({
            "backend": target.id,
            "title": target.title,
            "triple": target.triple,
            "cpu features": target.cpu,
            "lacks": texts(target.lacks),
            "knobs": knobs.collect::<Vec<_>>(),
        })
    };
    TARGETS.iter().map(row).collect()
}

pub(super) fn limits() -> Vec<Value> {
    let row = |limit: &crate::limits::Limit| {
        json!({
            "limit": limit.id,
            "kind": limit.kind.to_string(),
            "unit": limit.unit,
            "min": limit.min,
            "JS API": limit.value(Source::JsApi),
            "wasmparser": limit.value(Source::Wasmparser),
            "Wasmtime": limit.value(Source::Wasmtime),
            "V8": limit.value(Source::V8),
            "at": limit.target(),
            "note": limit.note,
        })
    };
    LIMITS.iter().map(row).collect()
}

/// Those with a row, then those that are excused from having one, by their names in `wasmparser`.
pub(super) fn operators() -> Vec<Value> {
    let row = |op: &Operator| {
        let access = op.access.map(|it| json!({ "kind": kebab(&it.kind), "bytes": it.bytes }));
        json!({
            "operator": op.name,
            "ident": op.ident,
            "proposal": op.proposal.to_string(),
            "immediates": op.immediates.iter().map(kebab).collect::<Vec<_>>(),
            "operands": texts(op.params),
            "results": texts(op.results),
            "access": access,
            "traps": op.can_trap,
            "excuse": null,
        })
    };
    let excused = |it: &Excuse| json!({ "operator": null, "ident": it.ident, "excuse": it.reason });
    ops::operators().map(row).chain(EXCUSES.iter().map(excused)).collect()
}

pub(super) fn oracles() -> Vec<Value> {
    let rows = ORACLES.iter();
    rows.map(|it| json!({ "oracle": it.id(), "violation": it.summary() })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::AccessKind;

    #[test]
    fn variants_are_called_as_everything_else_is() {
        assert_eq!(kebab(&AccessKind::ReadModifyWrite), "read-modify-write");
        assert_eq!(kebab(&Some(3)), "some(3)");
    }

    #[test]
    fn a_program_is_told_what_a_person_is_told() {
        let repeat = shapes().into_iter().find(|row| row["shape"] == "repeat").unwrap();
        let count = &repeat["parameters"][0];
        assert_eq!((count["name"].as_str(), count["min"].as_u64()), (Some("count"), Some(1)));
        let winch = backends().into_iter().find(|row| row["backend"] == "winch-x86_64").unwrap();
        let knobs: Vec<&str> = winch["knobs"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|it| it["name"].as_str())
            .collect();
        assert!(knobs.contains(&"fuel") && !knobs.contains(&"opt"), "{knobs:?}");
        let all = operators();
        let load = all.iter().find(|row| row["operator"] == "f64.load").unwrap();
        assert_eq!((&load["traps"], &load["access"]["bytes"]), (&json!(true), &json!(8)));
        assert_eq!(load["immediates"], json!(["mem-arg"]));
        assert!(all.iter().any(|row| row["ident"] == "Rethrow" && row["excuse"].is_string()));
    }
}
