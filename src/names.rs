//! Names that look alike, so that an error can say which one was probably meant.

/// Names less alike than this, by Jaro-Winkler from 0 to 1, are not worth a suggestion.
const LIKENESS_MIN: f64 = 0.7;

/// Slips of the pen (a letter too many, too few, another, or two in each other's place) that a name
/// may be away: likeness thinks little of short names whose first letters are in disorder.
const SLIPS_MAX: usize = 2;

/// The name in `known` that looks most like `name`; none when none looks much like it.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let scored = known.iter().map(|known| (strsim::jaro_winkler(name, known), *known));
    let (likeness, best) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    if likeness > LIKENESS_MIN {
        return Some(best);
    }
    let slips = known.iter().map(|known| (strsim::damerau_levenshtein(name, known), *known));
    let (slips, best) = slips.min_by_key(|(slips, _)| *slips)?;
    // Most of the name must be right.
    (slips <= SLIPS_MAX && slips * 2 < name.chars().count()).then_some(best)
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
    fn letters_in_each_others_place_are_a_slip_of_the_pen_in_short_names_too() {
        assert_eq!(nearest("otp", ["fuel", "opt", "epochs"]), Some("opt"));
        assert_eq!(nearest("nnoe", ["none", "speed"]), Some("none"));
        assert_eq!(nearest("fo", ["on", "off"]), None, "half of it is wrong");
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
