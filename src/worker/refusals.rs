//! What kind of refusal an error is, where there is only its text.

use crate::outcome::RefusalKind;
use cranelift_codegen::CodegenError;

/// By here the code generator's error is only its text; Cranelift's are compared with the texts of
/// its own types, and Winch's, which has no types outside its crate, by what it calls them.
pub(super) fn codegen_kind(message: &str) -> RefusalKind {
    let says = |error: CodegenError| message.contains(&error.to_string());
    let first_line = message.lines().next().unwrap_or_default();
    if says(CodegenError::CodeTooLarge) || says(CodegenError::ImplLimitExceeded) {
        RefusalKind::ImplementationLimit
    } else if says(CodegenError::Unsupported(String::new()))
        || ["Unimplemented ", "Unsupported ", "Instruction not implemented"]
            .iter()
            .any(|start| first_line.starts_with(start))
    {
        RefusalKind::Unsupported
    } else {
        RefusalKind::Internal
    }
}

/// The kind of a whole error message, of an engine that is only known by its messages. Whether the
/// module is invalid is the validator's to say.
pub(super) fn message_kind(message: &str) -> RefusalKind {
    message
        .lines()
        .map(|line| codegen_kind(line.trim_start_matches(|c: char| !c.is_ascii_alphabetic())))
        .find(|kind| *kind != RefusalKind::Internal)
        .unwrap_or(RefusalKind::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_other_releases_are_sorted() {
        for (message, expected) in [
            ("Compilation error: Code for function is too large", RefusalKind::ImplementationLimit),
            (
                "failed to compile: x\n\nCaused by:\n    0: Implementation limit exceeded",
                RefusalKind::ImplementationLimit,
            ),
            ("Compilation error: Verifier errors", RefusalKind::Internal),
            ("WebAssembly translation error\n    Unsupported feature: x", RefusalKind::Unsupported),
        ] {
            assert_eq!(message_kind(message), expected, "{message}");
        }
    }
}
