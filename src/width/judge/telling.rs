//! How what is wrong with accesses, or cannot be told, is put into the result.

use super::Judge;
use crate::ops::{AccessKind, Operator};
use crate::outcome::{Mismatch, MismatchKind};
use crate::width::code::{MachineAccess, disassemble};
use crate::width::feeds::{Accesses, WasmAccess};

impl Judge<'_> {
    pub(super) fn not_as_wide(&mut self, machine: &MachineAccess, wasm: &[WasmAccess]) {
        let bytes = |wasm: &WasmAccess| u32::from(wasm.access.bytes);
        let kind = if wasm.iter().all(|wasm| bytes(wasm) < machine.bytes) {
            MismatchKind::Wider
        } else if wasm.iter().all(|wasm| bytes(wasm) != machine.bytes) {
            MismatchKind::Narrower
        } else {
            // It reads where it should write, or the other way round.
            MismatchKind::Surplus
        };
        self.wrong(kind, machine, self.operator(machine), wasm);
    }

    pub(super) fn look_for_missing(&mut self, accesses: &Accesses, done: &[bool]) {
        for (wasm, _) in accesses.all.iter().zip(done).filter(|(_, done)| !**done) {
            // These are calls into the engine.
            if matches!(wasm.access.kind, AccessKind::Bulk | AccessKind::Wait | AccessKind::Notify)
            {
                continue;
            }
            self.result.mismatch(Mismatch {
                kind: MismatchKind::Missing,
                operator: wasm.operator.name.to_owned(),
                accesses: Vec::new(),
                expected_bytes: wasm.access.bytes.into(),
                actual_bytes: 0,
                instruction: String::new(),
                code_offset: self.function.start,
                function: self.function.index,
                position: Some(wasm.position),
            });
        }
    }

    pub(super) fn wrong(
        &mut self,
        kind: MismatchKind,
        machine: &MachineAccess,
        operator: Option<&'static Operator>,
        candidates: &[WasmAccess],
    ) {
        self.result.mismatch(Mismatch {
            kind,
            operator: name(operator),
            accesses: candidates.iter().map(|wasm| wasm.operator.name.to_owned()).collect(),
            expected_bytes: candidates
                .iter()
                .map(|wasm| wasm.access.bytes.into())
                .max()
                .unwrap_or(0),
            actual_bytes: machine.bytes,
            instruction: disassemble(&machine.instruction),
            code_offset: machine.offset,
            function: self.function.index,
            position: machine.position,
        });
    }

    pub(super) fn doubt(&mut self, machine: &MachineAccess, why: &str) {
        let text = disassemble(&machine.instruction);
        let (offset, name) = (machine.offset, name(self.operator(machine)));
        self.result.doubt(format!(
            "`{text}` at code offset {offset:#x}, {} bytes, for {name}: {why}",
            machine.bytes
        ));
    }
}

fn name(operator: Option<&Operator>) -> String {
    operator.map_or_else(|| "no operator".to_owned(), |operator| operator.name.to_owned())
}
