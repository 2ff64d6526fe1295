//! A module as far as its accesses to linear memory go.
//!
//! Looked at one function at a time, and only where the machine code does not explain itself: most
//! instructions do the access of the very operator that they are for.

use super::CheckError;
use super::feeds::Accesses;
use super::quick::Skip;
use super::rows::operator_of;
use super::trace::Trace;
use crate::ops::Operator;
use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, OperatorsReader, Parser, ValidPayload,
    Validator, ValidatorResources, WasmFeatures,
};

/// The first byte of the operators of the garbage collector.
const GC_PREFIX: u8 = 0xfb;

/// A module whose functions can be looked at.
pub(super) struct Module<'a> {
    bytes: &'a [u8],
    /// Ascending by index.
    functions: Vec<(FuncToValidate<ValidatorResources>, FunctionBody<'a>)>,
}

impl<'a> Module<'a> {
    /// Reads a module, without its functions' bodies.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Module<'a>, CheckError> {
        let invalid = |error: wasmparser::BinaryReaderError| CheckError::Module(error.to_string());
        // Everything that some release takes: what is valid was for the compiler to say.
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut functions = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = validator.payload(&payload.map_err(invalid)?).map_err(invalid)?;
            if let ValidPayload::Func(function, body) = payload {
                functions.push((function, body));
            }
        }
        Ok(Module { bytes, functions })
    }

    /// How many functions have a body.
    pub(super) fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// The row of the operator at an offset.
    pub(super) fn operator_at(&self, position: u32) -> Option<&'static Operator> {
        let at = usize::try_from(position).ok()?;
        operator_of(self.bytes.get(at..)?)
    }

    /// The body of a function.
    pub(super) fn body(&self, function: u32) -> Option<&FunctionBody<'a>> {
        let at = self.functions.binary_search_by_key(&function, |(function, _)| function.index);
        at.ok().map(|at| &self.functions[at].1)
    }

    /// Whether a function has an operator of the garbage collector's, or cannot be read.
    pub(super) fn reads_a_heap(&self, function: u32) -> bool {
        let Some(body) = self.body(function) else { return true };
        let Ok(mut reader) = body.get_binary_reader_for_operators() else { return true };
        while !reader.eof() {
            let is_of_heap = self.bytes.get(reader.original_position()) == Some(&GC_PREFIX);
            if is_of_heap || reader.visit_operator(&mut Skip).is_err() {
                return true;
            }
        }
        false
    }

    /// The accesses of a function.
    pub(super) fn accesses(&self, function: u32) -> Result<Accesses, CheckError> {
        let at = self.functions.binary_search_by_key(&function, |(function, _)| function.index);
        let Ok(at) = at else { return Ok(Accesses::default()) };
        let (function, body) = &self.functions[at];
        let invalid = |error: wasmparser::BinaryReaderError| CheckError::Module(error.to_string());
        let to_validate = FuncToValidate {
            resources: function.resources.clone(),
            index: function.index,
            ty: function.ty,
            features: function.features,
        };
        let mut validator = to_validate.into_validator(FuncValidatorAllocations::default());
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader).map_err(invalid)?;
        let mut trace = Trace::default();
        let mut reader = OperatorsReader::new(reader);
        while !reader.eof() {
            let (operator, offset) = reader.read_with_offset().map_err(invalid)?;
            let arity = operator.operator_arity(&validator).unwrap_or_default();
            validator.op(offset, &operator).map_err(invalid)?;
            let position = u32::try_from(offset).map_err(|_| CheckError::TooLarge(offset))?;
            trace.step(position, &operator, arity, self.operator_at(position));
            trace.set_height(validator.operand_stack_height());
        }
        Ok(trace.accesses)
    }
}
