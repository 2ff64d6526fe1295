//! Random units, well-typed by construction.
//!
//! Every byte string gives a unit, and short ones are enough: one byte each for the palette, the
//! length and the sink, then about four for each step. Running out of bytes repeats the first
//! choice; nothing loops or fails.

use arbitrary::{Result, Unstructured};

use crate::ops::operators;
use crate::ops::table::{Operator, Proposal, Type};
use crate::ops::unit::{Sink, Source, Step, Unit, UnitKind};

/// In every palette.
const CORE: &[Proposal] = &[Proposal::Mvp, Proposal::SignExtension, Proposal::SaturatingFloatToInt];

/// What a unit draws on beside [`CORE`]. A unit that mixes everything is refused by all engines
/// that lack anything, so most palettes are what some engine supports.
const PALETTES: &[&[Proposal]] = &[
    &[],
    &[Proposal::Simd],
    &[Proposal::BulkMemory, Proposal::ReferenceTypes],
    &[Proposal::Threads],
    &[Proposal::Simd, Proposal::RelaxedSimd],
    &[Proposal::TailCall, Proposal::Exceptions],
    &[Proposal::ReferenceTypes, Proposal::FunctionReferences, Proposal::Gc],
    &[Proposal::WideArithmetic],
    &[Proposal::ReferenceTypes, Proposal::FunctionReferences, Proposal::StackSwitching],
    Proposal::ALL,
];

/// Sources that need no previous step, in the order of two bits of entropy.
const PLAIN_SOURCES: [Source; 4] = [Source::Load, Source::Local, Source::Const, Source::Global];

impl Unit {
    /// A random unit of this kind.
    pub fn arbitrary(kind: UnitKind, u: &mut Unstructured<'_>) -> Result<Unit> {
        let palette = u.choose(PALETTES)?;
        let allowed = |op: &&Operator| [CORE, palette].iter().any(|it| it.contains(&op.proposal));
        let mut chooser = Chooser { ops: operators().filter(allowed).collect(), u };
        let count = chooser.count()?;
        let sink = *chooser.u.choose(Sink::ALL)?;
        let first = chooser.first(kind, count)?;
        let carried = match kind {
            UnitKind::Closed => None,
            UnitKind::Link | UnitKind::Join => first.op.params.first().copied(),
        };
        let mut steps = vec![first];
        for index in 1..count {
            let before = steps[index - 1].op.last_result();
            let gives = carried.filter(|_| index + 1 == count);
            steps.push(chooser.next(before, gives)?);
        }
        Ok(Unit::new(steps, sink).expect("typed by construction"))
    }
}

struct Chooser<'a, 'b> {
    ops: Vec<&'static Operator>,
    u: &'a mut Unstructured<'b>,
}

impl Chooser<'_, '_> {
    /// One to four steps mostly, up to the maximum sometimes.
    fn count(&mut self) -> Result<usize> {
        let byte = usize::from(self.u.arbitrary::<u8>()?);
        Ok(1 + if byte < 192 { byte % 4 } else { byte % Unit::STEPS_MAX })
    }

    fn first(&mut self, kind: UnitKind, count: usize) -> Result<Step> {
        let carried = |op: &Operator| match (kind, op.params) {
            (UnitKind::Link, [ty, ..]) => Some(*ty),
            (UnitKind::Join, [ty, other, ..]) if ty == other => Some(*ty),
            (UnitKind::Link | UnitKind::Join | UnitKind::Closed, _) => None,
        };
        let gives = |op: &Operator, ty| op.last_result() == Some(ty);
        let fits = |op: &Operator| match carried(op) {
            None => kind == UnitKind::Closed,
            Some(ty) if count == 1 => gives(op, ty),
            Some(ty) => self.ops.iter().any(|op| gives(op, ty)),
        };
        let candidates: Vec<_> = self.ops.iter().copied().filter(|op| fits(op)).collect();
        let op = *self.u.choose(&candidates)?;
        let mut operands = self.sources(op)?;
        let prevs = match kind {
            UnitKind::Closed => 0,
            UnitKind::Link => 1,
            UnitKind::Join => 2,
        };
        operands[..prevs].fill(Source::Prev);
        Ok(Step { op, operands })
    }

    /// A step after one whose last result is `before`; the unit's last step must give the carried
    /// type.
    fn next(&mut self, before: Option<Type>, gives: Option<Type>) -> Result<Step> {
        let takes = |ty: &Type| before.is_some_and(|before| before.fits(*ty));
        let allowed = |op: &&&Operator| gives.is_none() || op.last_result() == gives;
        let all: Vec<_> = self.ops.iter().filter(allowed).copied().collect();
        let chained: Vec<_> =
            all.iter().copied().filter(|op| op.params.iter().any(takes)).collect();
        // A unit that ignores most of its own results would test little.
        let choice: u8 = self.u.arbitrary()?;
        let chain = choice < 224 && !chained.is_empty();
        let op = *self.u.choose(if chain { &chained } else { &all })?;
        let mut operands = self.sources(op)?;
        if chain {
            let takers: Vec<_> = (0..op.params.len()).filter(|at| takes(&op.params[*at])).collect();
            operands[takers[usize::from(choice) % takers.len()]] = Source::Prev;
            if choice.is_multiple_of(8) {
                takers.iter().for_each(|at| operands[*at] = Source::Prev);
            }
        }
        Ok(Step { op, operands })
    }

    fn sources(&mut self, op: &Operator) -> Result<Vec<Source>> {
        let mut bits: u8 = if op.params.is_empty() { 0 } else { self.u.arbitrary()? };
        let source = |_| {
            let source = PLAIN_SOURCES[usize::from(bits & 3)];
            bits = bits.rotate_right(2);
            source
        };
        Ok(op.params.iter().map(source).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wasmparser::WasmFeatures;

    use super::*;
    use crate::ops::UnitError;
    use crate::ops::testing::{copies, operators as read_back};
    use crate::ops::unit::feeds;

    /// Random units per kind, half of them with a 64-bit memory.
    const UNITS: u32 = 2_000;

    const KINDS: [UnitKind; 3] = [UnitKind::Closed, UnitKind::Link, UnitKind::Join];

    /// Deterministic bytes, 0 to 127 of them.
    fn bytes(seed: u32) -> Vec<u8> {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[2]
        };
        let length = usize::from(next() % 128);
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn random_units_are_valid_and_of_their_kind() {
        let mut used = BTreeSet::new();
        for kind in KINDS {
            for seed in 0..UNITS {
                let unit = Unit::arbitrary(kind, &mut Unstructured::new(&bytes(seed))).unwrap();
                assert_eq!(unit.kind(), kind, "{unit}");
                assert!((1..=Unit::STEPS_MAX).contains(&unit.steps().len()), "{unit}");
                used.extend(unit.steps().iter().map(|step| step.op.name));
                let wasm = copies(&unit, seed.is_multiple_of(2), 2);
                if let Err(error) = read_back(&wasm, WasmFeatures::all()) {
                    let text = wasmprinter::print_bytes(&wasm).unwrap_or_default();
                    panic!("{kind} {unit}: {error}\n{text}");
                }
            }
        }
        let missing: Vec<_> =
            operators().map(|op| op.name).filter(|op| !used.contains(op)).collect();
        assert!(missing.len() * 50 < operators().count(), "never drawn: {missing:?}");
    }

    #[test]
    fn random_units_survive_text_and_bytes() {
        for seed in 0..UNITS {
            let kind = *KINDS.iter().cycle().nth(usize::try_from(seed).unwrap() % 3).unwrap();
            let unit = Unit::arbitrary(kind, &mut Unstructured::new(&bytes(seed))).unwrap();
            assert_eq!(unit.to_string().parse::<Unit>().as_ref(), Ok(&unit));
            let mut compact = Vec::new();
            unit.to_bytes(&mut compact);
            let mut rest = &compact[..];
            assert_eq!(Unit::from_bytes(&mut rest).as_ref(), Ok(&unit));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn no_entropy_still_gives_a_unit() {
        for kind in KINDS {
            let unit = Unit::arbitrary(kind, &mut Unstructured::new(&[])).unwrap();
            assert_eq!(unit.kind(), kind);
            assert_eq!(unit.steps().len(), 1);
        }
    }

    #[test]
    fn spoilt_units_are_refused() {
        let mut refused = 0;
        for seed in 0..UNITS {
            let unit =
                Unit::arbitrary(UnitKind::Closed, &mut Unstructured::new(&bytes(seed))).unwrap();
            let mut steps = unit.steps().to_vec();
            steps[0].operands.push(Source::Const);
            let error = Unit::new(steps, unit.sink());
            assert!(matches!(error, Err(UnitError::OperandCount { step: 0, .. })));
            let mut steps = unit.steps().to_vec();
            let before = steps[0].op.last_result();
            let Some(step) = steps.get_mut(1) else { continue };
            let fed = |ty: &Type| before.is_some_and(|it| feeds(it, *ty));
            let wrong = step.op.params.iter().position(|ty| !fed(ty));
            if let Some(wrong) = wrong {
                step.operands[wrong] = Source::Prev;
                let error = Unit::new(steps, unit.sink());
                assert!(matches!(error, Err(UnitError::PrevType { step: 1, .. })), "{error:?}");
                refused += 1;
            }
        }
        assert!(refused > 100, "only {refused} units could be spoilt");
    }
}
