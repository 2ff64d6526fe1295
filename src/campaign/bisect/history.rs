//! What the answers of releases come to, in a sentence.

use super::Answer;
use std::fmt::Write;

/// One sentence: since when and until when the releases of these names are bad.
pub fn history(names: &[String], answers: &[Option<Answer>]) -> String {
    let said: Vec<(&String, bool)> = names
        .iter()
        .zip(answers)
        .filter_map(|(name, answer)| match answer {
            Some(Answer::Good) => Some((name, true)),
            Some(Answer::Bad) => Some((name, false)),
            Some(Answer::CannotSay(_)) | None => None,
        })
        .collect();
    let Some(((oldest, first_good), rest)) = said.split_first() else {
        return "No release can say.".to_owned();
    };
    if rest.iter().all(|(_, good)| good == first_good) {
        let newest = said.last().map_or(*oldest, |(name, _)| *name);
        let what = if *first_good { "Good" } else { "Bad" };
        return match answers.iter().filter(|answer| answer.is_none()).count() {
            0 => format!("{what} in every release that can say, from {oldest} to {newest}."),
            left => format!(
                "{what} in all {} releases that were asked and can say, from {oldest} to {newest}; \
                 {left} others were not asked.",
                said.len()
            ),
        };
    }
    // A fix comes to the next line of releases, and later to those before it: what a line's patches
    // changed and the next line does not have is told apart.
    let line = |name: &str| name.split_once('.').map_or(name, |(line, _)| line).to_owned();
    let lines: Vec<_> = said.chunk_by(|one, next| line(one.0) == line(next.0)).collect();
    let (mut main, mut within) = (Vec::new(), Vec::new());
    for (at, releases) in lines.iter().enumerate() {
        let last = releases[releases.len() - 1].1;
        if lines.get(at + 1).is_none_or(|next| next[0].1 == last) {
            main.extend_from_slice(releases);
        } else {
            main.push(releases[0]);
            within.extend(borders(releases));
        }
    }
    let mut told = Vec::new();
    if !first_good {
        told.push(format!("bad already in {oldest}, the oldest that can say"));
    }
    told.extend(borders(&main));
    match main.last() {
        Some((newest, false)) => told.push(format!("still bad in {newest}")),
        _ if told.is_empty() => told.push("good but for patches".to_owned()),
        _ => (),
    }
    let mut text = told.join(", ");
    text[..1].make_ascii_uppercase();
    if !within.is_empty() {
        let _ = write!(text, "; within a line, {}", within.join(", "));
    }
    text + "."
}

/// What changed from each release to the next.
fn borders(releases: &[(&String, bool)]) -> Vec<String> {
    let differ = releases.windows(2).filter(|pair| pair[0].1 != pair[1].1);
    let told = differ.map(|pair| match (pair[0].0, pair[1]) {
        (last, (first, true)) => format!("fixed in {first} (bad in {last})"),
        (last, (first, false)) => format!("regression since {first} (good in {last})"),
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixes_that_came_to_older_lines_are_no_regressions_of_the_next() {
        let text = |releases: &[(&str, bool)]| {
            let names: Vec<String> = releases.iter().map(|(name, _)| (*name).to_owned()).collect();
            let answer = |good: &bool| Some(if *good { Answer::Good } else { Answer::Bad });
            let answers: Vec<_> = releases.iter().map(|(_, good)| answer(good)).collect();
            history(&names, &answers)
        };
        let fixed = [
            ("34.0.0", true),
            ("35.0.0", false),
            ("36.0.0", false),
            ("36.0.5-all", true),
            ("37.0.0", false),
            ("40.0.0", false),
            ("40.0.2", true),
            ("41.0.0", true),
        ];
        assert_eq!(
            text(&fixed),
            "Regression since 35.0.0 (good in 34.0.0), fixed in 40.0.2 (bad in 40.0.0); within a \
             line, fixed in 36.0.5-all (bad in 36.0.0)."
        );
        let once = [("36.0.0", true), ("36.0.1", false), ("37.0.0", true)];
        assert_eq!(
            text(&once),
            "Good but for patches; within a line, regression since 36.0.1 (good in 36.0.0)."
        );
        let newest = [("40.0.0", true), ("41.0.0", false), ("41.0.1", true)];
        assert_eq!(
            text(&newest),
            "Regression since 41.0.0 (good in 40.0.0), fixed in 41.0.1 (bad in 41.0.0)."
        );
        let stays = [("36.0.0", true), ("36.0.1", false), ("37.0.0", false)];
        assert_eq!(text(&stays), "Regression since 36.0.1 (good in 36.0.0), still bad in 37.0.0.");
    }
}
