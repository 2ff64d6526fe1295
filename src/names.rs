//! Names that look alike, so that an error can say which one was probably meant.

/// Names less alike than this, by Jaro-Winkler from 0 to 1, are not worth a suggestion.
const LIKENESS_MIN: f64 = 0.7;

/// The name in `known` that looks most like `name`; none when none looks much like it.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let (likeness, best) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness > LIKENESS_MIN).then_some(best)
}

/// `; did you mean "x"?`, to stand behind the name that was not found, or nothing.
pub fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_name() {
        let known = ["count", "repeat", "memory64"];
        assert_eq!(nearest("cuont", known), Some("count"));
        assert_eq!(nearest("memory-64", known), Some("memory64"));
        assert_eq!(nearest("repeat", known), Some("repeat"));
    }

    #[test]
    fn what_looks_like_nothing_gets_no_suggestion() {
        assert_eq!(nearest("xyz", ["count", "repeat"]), None);
        assert_eq!(nearest("", ["count", "repeat"]), None);
        assert_eq!(nearest("count", []), None);
    }

    #[test]
    fn a_suggestion_continues_the_sentence() {
        assert_eq!(did_you_mean(Some("count")), "; did you mean \"count\"?");
        assert_eq!(did_you_mean(None), "");
    }
}
