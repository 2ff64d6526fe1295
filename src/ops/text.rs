//! The text form of a unit, `f64.copysign(local, load); f64.add(prev, const) -> store`.
//!
//! Recipes are read and edited by people, so parsing is lenient about spaces and its errors name
//! the offending piece and what it may have meant; printing knows one spelling only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::names::nearest;
use crate::ops::error::UnitError;
use crate::ops::unit::{Sink, Source, Step, Unit, UnitKind};
use crate::ops::{nearest_operator, operator};

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for UnitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnitKind::Closed => "closed",
            UnitKind::Link => "link",
            UnitKind::Join => "join",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.op.name)?;
        for (at, source) in self.operands.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{source}")?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps().iter().enumerate() {
            let semicolon = if at == 0 { "" } else { "; " };
            write!(f, "{semicolon}{step}")?;
        }
        write!(f, " -> {}", self.sink())
    }
}

impl FromStr for Source {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Source, UnitError> {
        let found = Source::ALL.iter().copied().find(|source| source.name() == text);
        found.ok_or_else(|| {
            let nearest = nearest(text, Source::ALL.iter().map(|source| source.name()));
            UnitError::UnknownSource { word: text.to_owned(), nearest }
        })
    }
}

impl FromStr for Sink {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Sink, UnitError> {
        let found = Sink::ALL.iter().copied().find(|sink| sink.name() == text);
        found.ok_or_else(|| {
            let nearest = nearest(text, Sink::ALL.iter().map(|sink| sink.name()));
            UnitError::UnknownSink { word: text.to_owned(), nearest }
        })
    }
}

impl FromStr for Step {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Step, UnitError> {
        let syntax = |expected| UnitError::Syntax { expected, text: text.trim().to_owned() };
        let inner = text.trim().strip_suffix(')').ok_or_else(|| syntax("operator(operands)"))?;
        let (name, operands) = inner.split_once('(').ok_or_else(|| syntax("operator(operands)"))?;
        let name = name.trim();
        let op = operator(name).ok_or_else(|| UnitError::UnknownOperator {
            name: name.to_owned(),
            nearest: nearest_operator(name),
        })?;
        let operands = match operands.trim() {
            "" => Vec::new(),
            words => words.split(',').map(|word| word.trim().parse()).collect::<Result<_, _>>()?,
        };
        Ok(Step { op, operands })
    }
}

impl FromStr for Unit {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Unit, UnitError> {
        let (steps, sink) = text.rsplit_once("->").ok_or_else(|| UnitError::Syntax {
            expected: "`steps -> sink`",
            text: text.trim().to_owned(),
        })?;
        let sink = sink.trim().parse()?;
        let steps = steps.split(';').map(str::parse).collect::<Result<_, _>>()?;
        Unit::new(steps, sink)
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Unit, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Type, operators};

    #[test]
    fn the_text_form_is_the_documented_one() {
        let text = "f64.copysign(local, load); f64.add(prev, const) -> store";
        let unit: Unit = text.parse().unwrap();
        assert_eq!(unit.to_string(), text);
        assert_eq!(unit.kind(), UnitKind::Closed);
        let loose = " f64.copysign ( local,load ) ;f64.add(prev , const)->  store ";
        assert_eq!(loose.parse::<Unit>().unwrap(), unit);
        let none: Unit = "memory.size() -> drop".parse().unwrap();
        assert_eq!(none.to_string(), "memory.size() -> drop");
    }

    #[test]
    fn every_canonical_unit_survives_text_and_serde() {
        for op in operators() {
            for unit in [Unit::closed(op), Unit::link(op), Unit::join(op)].into_iter().flatten() {
                assert_eq!(unit.to_string().parse::<Unit>().unwrap(), unit);
                let bytes = postcard::to_stdvec(&unit).unwrap();
                assert_eq!(postcard::from_bytes::<Unit>(&bytes).unwrap(), unit);
            }
        }
    }

    #[test]
    fn an_unknown_source_or_sink_names_the_nearest() {
        let told = |text: &str| text.parse::<Unit>().unwrap_err().to_string();
        assert!(told("i32.add(locl, load) -> store").ends_with("; the nearest is `local`"));
        assert!(told("i32.add(local, load) -> stroe").ends_with("; the nearest is `store`"));
        assert!(told("i32.add(xyzzy, load) -> store").ends_with("global or prev"));
    }

    #[test]
    fn an_unknown_operator_names_the_nearest() {
        let error = "f64.copysing(local, load) -> store".parse::<Unit>().unwrap_err();
        let name = "f64.copysing".to_owned();
        assert_eq!(error, UnitError::UnknownOperator { name, nearest: Some("f64.copysign") });
        assert_eq!(
            error.to_string(),
            "unknown operator `f64.copysing`; the nearest is `f64.copysign`"
        );
        let error = "???????????????(local) -> store".parse::<Unit>().unwrap_err();
        assert!(matches!(error, UnitError::UnknownOperator { nearest: None, .. }), "{error}");
    }

    #[test]
    fn errors_name_the_offending_piece() {
        let error = |text: &str| text.parse::<Unit>().unwrap_err().to_string();
        assert_eq!(
            error("i32.add(load, lod) -> store"),
            "unknown operand source `lod`: const, local, load, global or prev; the nearest is `load`"
        );
        assert_eq!(
            error("i32.add(load, load) -> sore"),
            "unknown sink `sore`: drop, local, global, store or call; the nearest is `store`"
        );
        assert_eq!(error("i32.add -> store"), "expected operator(operands) at `i32.add`");
        assert_eq!(error("i32.eqz(load)"), "expected `steps -> sink` at `i32.eqz(load)`");
        assert_eq!(error("i32.add(load) -> store"), "step 0, i32.add: 1 operands instead of 2");
        assert_eq!(
            error("i32.eqz(load); i64.eqz(prev) -> store"),
            "step 1, i64.eqz: operand 0 wants i64, `prev` is i32"
        );
        assert_eq!(
            error("i32.store(local, load); i32.eqz(prev) -> store"),
            "step 1, i32.eqz: operand 0 wants i32, `prev` is nothing"
        );
        assert_eq!(
            error("i64.eqz(prev) -> store"),
            "the unit takes i64 from its previous copy and gives i32"
        );
        assert_eq!(
            error("i32.add(load, prev) -> store"),
            "step 0, i32.add: `prev` may stand in operand 0, or in operands 0 and 1"
        );
        let many = vec!["nop()"; 17].join("; ") + " -> drop";
        assert_eq!(error(&many), "17 steps are more than 16");
        assert_eq!(Unit::new(Vec::new(), Sink::Drop), Err(UnitError::Empty));
        let select = "select(prev, prev, prev) -> drop";
        assert!(select.parse::<Unit>().is_err(), "three carried values");
    }

    #[test]
    fn subtypes_may_stand_for_their_supertypes() {
        let unit: Unit = "struct.new_default(); ref.eq(prev, prev) -> store".parse().unwrap();
        assert_eq!(unit.carried(), None);
        assert!(Type::Struct.fits(Type::AnyRef));
        assert!(!Type::AnyRef.fits(Type::Struct));
        assert!("i31.get_s(load); ref.eq(prev, load) -> store".parse::<Unit>().is_err());
    }
}
