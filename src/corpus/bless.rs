//! Writing down what was seen, after a person has read the difference.
//!
//! The text is changed, not made anew: what a person wrote into it, comments and sources, stays.

use super::{Expect, ExpectError, Expectations};
use serde::{Deserialize, Serialize};

/// What each part of the text starts with.
const HEAD: &str = "[[expect]]";

#[derive(Serialize, Deserialize)]
struct Block {
    expect: Vec<Expect>,
}

/// The text with one more expectation in front of the others, which hold for the rest. One that is
/// there for exactly the same releases and backends is replaced.
pub fn blessed(text: &str, new: &Expect) -> Result<String, ExpectError> {
    let block = toml::to_string(&Block { expect: vec![new.clone()] })
        .expect("texts and lists of texts are TOML");
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len()).filter(|&at| is_head(lines[at])).collect();
    let same = starts.iter().enumerate().find_map(|(nth, &start)| {
        let end = starts.get(nth + 1).map_or(lines.len(), |&next| before_comments(&lines, next));
        let there = toml::from_str::<Block>(&lines[start..end].join("\n")).ok()?;
        let there = there.expect.first()?;
        (there.releases == new.releases && there.backends == new.backends).then_some((start, end))
    });
    let (start, end) = same.unwrap_or_else(|| {
        let first = starts.first().map_or(lines.len(), |&first| before_comments(&lines, first));
        (first, first)
    });
    let mut out: Vec<&str> = lines[..start].to_vec();
    out.extend(block.lines());
    out.push("");
    out.extend(&lines[end..]);
    let out = out.join("\n").trim_end().to_owned() + "\n";
    // What is written must be readable again.
    Expectations::from_toml(&out).map(|_| out)
}

fn is_head(line: &str) -> bool {
    line.trim_start().starts_with(HEAD)
}

/// Where the comments begin that stand right above a line.
fn before_comments(lines: &[&str], at: usize) -> usize {
    let above = lines[..at].iter().rev().take_while(|line| line.trim_start().starts_with('#'));
    at - above.count()
}
