//! Follows values through a function, operator by operator.

use super::feeds::{Accesses, Fed, Feeds, WasmAccess, join, receded};
use super::to_usize;
use crate::ops::{AccessKind, Operator};
use std::rc::Rc;
use wasmparser::Operator as Parsed;

/// Follows values through a function.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) accesses: Accesses,
    /// What feeds a value, and the stretch that it was made in.
    stack: Vec<(u32, Fed)>,
    /// By local, what feeds it, if it was given a value in the stretch of that number.
    locals: Vec<(u32, Fed)>,
    stretch: u32,
}

impl Trace {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other operators pass values on")]
    pub(super) fn step(
        &mut self,
        position: u32,
        operator: &Parsed<'_>,
        (pops, pushes): (u32, u32),
        row: Option<&'static Operator>,
    ) {
        let mut fed = None;
        for _ in 0..pops {
            fed = join(fed, self.pop());
        }
        let mut result = match operator {
            Parsed::LocalGet { local_index } => self.local(*local_index),
            Parsed::LocalSet { local_index } | Parsed::LocalTee { local_index } => {
                let local = to_usize(*local_index);
                if self.locals.len() <= local {
                    self.locals.resize(local + 1, (0, None));
                    self.accesses.given.resize(local + 1, Vec::new());
                }
                self.locals[local] = (self.stretch, fed.clone());
                self.accesses.given[local].push((position, fed.clone()));
                fed.clone()
            }
            // Here a stretch of straight code ends.
            Parsed::Loop { .. }
            | Parsed::If { .. }
            | Parsed::Else
            | Parsed::End
            | Parsed::Br { .. }
            | Parsed::BrIf { .. }
            | Parsed::BrTable { .. }
            | Parsed::BrOnNull { .. }
            | Parsed::BrOnNonNull { .. }
            | Parsed::BrOnCast { .. }
            | Parsed::BrOnCastFail { .. } => {
                self.stretch += 1;
                receded(fed.clone())
            }
            Parsed::Call { .. } | Parsed::CallIndirect { .. } | Parsed::CallRef { .. } => None,
            _ => fed.clone(),
        };
        if let Some(operator) = row
            && let Some(access) = operator.access
        {
            let place = u32::try_from(self.accesses.all.len()).unwrap_or(u32::MAX);
            self.accesses.all.push(WasmAccess { position, operator, access });
            if access.kind == AccessKind::Load {
                // The value that a lane is put into goes on; the address does not.
                if operator.params.len() < 2 {
                    result = None;
                }
                let load = Feeds::of_load(place);
                result = join(result, Some(Rc::new(load)));
            }
        }
        self.accesses.feeders.extend(fed.map(|feeds| (position, feeds)));
        for _ in 0..pushes {
            self.stack.push((self.stretch, result.clone()));
        }
    }

    fn pop(&mut self) -> Fed {
        let (stretch, fed) = self.stack.pop()?;
        if stretch == self.stretch { fed } else { receded(fed) }
    }

    /// What feeds a local.
    fn local(&self, local: u32) -> Fed {
        match self.locals.get(to_usize(local)) {
            Some((stretch, fed)) if *stretch == self.stretch => fed.clone(),
            // What no load was ever given to is fed by none.
            _ if self.accesses.given.get(to_usize(local)).is_none_or(Vec::is_empty) => None,
            _ => Some(Rc::new(Feeds::of_local(local))),
        }
    }

    /// What the validator knows better: after code that is not reached, the stack is what it says.
    pub(super) fn set_height(&mut self, height: u32) {
        let height = usize::try_from(height).unwrap_or(usize::MAX).min(1 << 24);
        self.stack.resize(height, (self.stretch, None));
    }
}
