//! What function bodies and constant expressions use, operator by operator.

use wasmparser::{BlockType, ConstExpr, FunctionBody, Operator, OperatorsReader};

use crate::limits::HeadroomError;
use crate::limits::survey::{Survey, saturate};

/// What is known of an expression when its last operator has been read.
struct Walked {
    /// How many operators there are, the final `end` included.
    operators: u64,
    /// The greatest number of blocks open at once.
    nesting_depth: u64,
}

impl Survey {
    /// Counts what the next function body uses.
    pub(super) fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), HeadroomError> {
        let range = body.range();
        self.usage.raise("function-body-bytes", saturate(range.len()));
        let mut locals = self.next_body_arity(range.start)?.params;
        let mut declarations = body.get_locals_reader()?.into_iter();
        for declaration in declarations.by_ref() {
            let (count, _) = declaration?;
            locals = locals.saturating_add(u64::from(count));
        }
        self.usage.raise("function-locals", locals);
        let walked = self.walk(declarations.into_operators_reader())?;
        self.usage.raise("nesting-depth", walked.nesting_depth);
        Ok(())
    }

    /// Counts what a constant expression uses.
    pub(super) fn const_expr(&mut self, expr: &ConstExpr<'_>) -> Result<(), HeadroomError> {
        let walked = self.walk(expr.get_operators_reader())?;
        self.usage.raise("const-expr-ops", walked.operators.saturating_sub(1));
        Ok(())
    }

    fn walk(&mut self, mut reader: OperatorsReader<'_>) -> Result<Walked, HeadroomError> {
        let mut walked = Walked { operators: 0, nesting_depth: 0 };
        // The expression itself is a frame, which its final `end` closes.
        let mut frames: u64 = 1;
        while !reader.eof() {
            let (operator, offset) = reader.read_with_offset()?;
            walked.operators += 1;
            match Frame::of(&operator) {
                Frame::Opens(ty) => {
                    walked.nesting_depth = walked.nesting_depth.max(frames);
                    frames += 1;
                    self.block(ty, offset)?;
                }
                Frame::Closes => frames = frames.saturating_sub(1),
                Frame::Keeps => {}
            }
            self.immediates(&operator);
        }
        reader.finish()?;
        Ok(walked)
    }

    fn block(&mut self, ty: BlockType, offset: usize) -> Result<(), HeadroomError> {
        match ty {
            BlockType::Empty => {}
            BlockType::Type(_) => self.usage.raise("block-results", 1),
            BlockType::FuncType(index) => {
                let arity = self.types.arity(index, offset)?;
                self.usage.raise("block-params", arity.params);
                self.usage.raise("block-results", arity.results);
            }
        }
        Ok(())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other five hundred operators have no immediate that a limit counts"
    )]
    fn immediates(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::BrTable { targets } => {
                self.usage.raise("br-table-entries", u64::from(targets.len()));
            }
            Operator::ArrayNewFixed { array_size, .. } => {
                self.usage.raise("array-operands", u64::from(*array_size));
            }
            Operator::TryTable { try_table } => {
                self.usage.raise("catches", saturate(try_table.catches.len()));
            }
            Operator::Resume { resume_table, .. }
            | Operator::ResumeThrow { resume_table, .. }
            | Operator::ResumeThrowRef { resume_table, .. } => {
                self.usage.raise("handlers", saturate(resume_table.len()));
            }
            _ => {}
        }
    }
}

/// What an operator does to the stack of open blocks.
enum Frame {
    Opens(BlockType),
    Closes,
    Keeps,
}

impl Frame {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other five hundred operators neither open nor close a block"
    )]
    fn of(operator: &Operator<'_>) -> Frame {
        match operator {
            Operator::Block { blockty }
            | Operator::Loop { blockty }
            | Operator::If { blockty }
            | Operator::Try { blockty } => Frame::Opens(*blockty),
            Operator::TryTable { try_table } => Frame::Opens(try_table.ty),
            Operator::End | Operator::Delegate { .. } => Frame::Closes,
            _ => Frame::Keeps,
        }
    }
}
