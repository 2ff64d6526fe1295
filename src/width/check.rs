//! Checks an artifact against its module, function by function.

use super::CheckError;
use super::code;
use super::image::Image;
use super::judge::Judge;
use super::lookup::Lookup;
use super::module::Module;
use super::quick::explains_itself;
use crate::outcome::MachineCheck;

/// Checks the machine code of `artifact` against the module that it was compiled from. With
/// `complete`, every access of the module is known to be needed, so that one without any machine
/// code is missing; a compiler may otherwise leave out what cannot be observed.
pub fn check(module: &[u8], artifact: &[u8], complete: bool) -> MachineCheck {
    try_check(module, artifact, complete)
        .unwrap_or_else(|error| MachineCheck::failed(error.to_string()))
}

fn try_check(module: &[u8], artifact: &[u8], complete: bool) -> Result<MachineCheck, CheckError> {
    let image = Image::read(artifact)?;
    let module = Module::read(module)?;
    if image.functions.len() != module.function_count() {
        return Err(CheckError::Functions {
            module: module.function_count(),
            artifact: image.functions.len(),
        });
    }
    let mut result = MachineCheck {
        code_bytes: image.text.len() as u64,
        functions: image.functions.len() as u64,
        ..MachineCheck::default()
    };
    let mut lookup = Lookup::new();
    for &function in &image.functions {
        let found = code::accesses(&image, function, &mut lookup)?;
        result.accesses += found.marked.len() as u64;
        let mut judge = Judge { module: &module, function, complete, result: &mut result };
        judge.judge_alone(&found);
        // Most functions explain themselves, and need no closer look.
        if complete || !explains_itself(&module, function.index, &found.marked) {
            judge.judge(&found.marked)?;
        }
    }
    Ok(result)
}
