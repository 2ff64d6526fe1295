//! How much a violation matters, by its class.
//!
//! Code that accesses what it must not may leave its sandbox, and code that computes something else
//! may be made to, so width, edge and execution are matters of security. What only costs or fails at
//! compile time is a bug and no vulnerability, as engines see it, however much it costs.

use crate::oracles::Severity;

/// The severity of the violations of an oracle.
pub fn severity(oracle: &str) -> Severity {
    match oracle {
        "width" | "edge" | "execution" => Severity::Security,
        "laxness" => Severity::Information,
        _ => Severity::Bug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::ORACLES;

    #[test]
    fn only_wrong_accesses_are_matters_of_security() {
        let of = |severity_wanted| {
            let ids = ORACLES.iter().map(|oracle| oracle.id());
            ids.filter(|id| severity(id) == severity_wanted).collect::<Vec<_>>()
        };
        assert_eq!(of(Severity::Security), ["width", "edge", "execution"]);
        assert_eq!(of(Severity::Information), ["laxness"]);
        assert_eq!(of(Severity::Bug).len(), ORACLES.len() - 4);
    }
}
