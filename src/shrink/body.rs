//! A function's body cut short: its first operators, and what makes any prefix valid.
//!
//! After `unreachable` any types may be wanted, so each block that is open at the cut ends in it.

use wasmparser::{BinaryReader, FunctionBody, Operator};

/// A body that has no locals and does nothing.
pub(super) const STUB: &[u8] = &[0, UNREACHABLE, END];

const UNREACHABLE: u8 = 0x00;
const ELSE: u8 = 0x05;
const END: u8 = 0x0b;

/// A body that can be cut.
pub(super) struct Body<'a> {
    bytes: &'a [u8],
    /// Where each operator starts, and what it does to the blocks that are open.
    operators: Vec<(usize, Turn)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Plain,
    Opens,
    OpensIf,
    Else,
    Closes,
}

impl<'a> Body<'a> {
    /// Reads a body; `None` where it cannot be read.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Body<'a>> {
        let body = FunctionBody::new(BinaryReader::new(bytes, 0));
        let mut operators = Vec::new();
        for operator in body.get_operators_reader().ok()?.into_iter_with_offsets() {
            let (operator, at) = operator.ok()?;
            operators.push((at, turn(&operator)));
        }
        Some(Body { bytes, operators })
    }

    /// How many operators it has, the last `end` not counted.
    pub(super) fn len(&self) -> usize {
        self.operators.len().saturating_sub(1)
    }

    /// Its first `count` operators, and the end of whatever is open then.
    pub(super) fn cut(&self, count: usize) -> Vec<u8> {
        let Some(&(end, _)) = self.operators.get(count) else { return self.bytes.to_vec() };
        let mut open = vec![Turn::Opens];
        for (_, turn) in &self.operators[..count] {
            match turn {
                Turn::Plain => {}
                Turn::Opens | Turn::OpensIf => open.push(*turn),
                Turn::Else => {
                    if let Some(last) = open.last_mut() {
                        *last = Turn::Opens;
                    }
                }
                Turn::Closes => drop(open.pop()),
            }
        }
        let mut cut = self.bytes[..end].to_vec();
        for turn in open.iter().rev() {
            cut.push(UNREACHABLE);
            if *turn == Turn::OpensIf {
                cut.extend([ELSE, UNREACHABLE]);
            }
            cut.push(END);
        }
        cut
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other operators open and close nothing")]
fn turn(operator: &Operator<'_>) -> Turn {
    match operator {
        Operator::If { .. } => Turn::OpensIf,
        Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::Try { .. }
        | Operator::TryTable { .. } => Turn::Opens,
        Operator::Else => Turn::Else,
        Operator::End | Operator::Delegate { .. } => Turn::Closes,
        _ => Turn::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sections::Sections;
    use super::*;

    #[test]
    fn every_prefix_of_a_body_is_valid() {
        let module = wat::parse_str(
            "(module (func (param i32) (result i64) (local i32)
               (block (result i64)
                 (if (result i64) (local.get 0)
                   (then (loop (result i64) (i64.const 1)))
                   (else (i64.const 2))))
               (local.set 1 (i32.const 3))))",
        )
        .unwrap();
        let sections = Sections::of(&module).unwrap();
        let body = sections.bodies()[0].clone();
        let body = Body::of(&body).unwrap();
        assert_eq!(body.len(), 12);
        for count in 0..body.len() {
            let cut = sections.with_bodies(vec![body.cut(count)]).to_bytes();
            assert!(wasmparser::validate(&cut).is_ok(), "after {count} operators");
        }
        let stub = sections.with_bodies(vec![STUB.to_vec()]).to_bytes();
        assert!(wasmparser::validate(&stub).is_ok());
    }
}
