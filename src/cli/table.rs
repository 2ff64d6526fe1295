//! Lists on a terminal and in a pipe.

use comfy_table::{ContentArrangement, Table, presets};
use std::fmt::Write;
use std::io::{IsTerminal, stdout};

/// Columns of a terminal whose size is not known.
const WIDTH: u16 = 140;

/// Columns of the terminal.
pub(super) fn width() -> u16 {
    let size = rustix::termios::tcgetwinsize(stdout());
    size.ok().map(|size| size.ws_col).filter(|&columns| columns > 0).unwrap_or(WIDTH)
}

/// A list: a line for each row, as the columns of a table; on a terminal that is too narrow for that,
/// a paragraph for each row. Names and numbers are never broken.
pub(super) fn list(columns: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns);
    table.add_rows(rows);
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    let widest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    if !stdout().is_terminal() || widest <= usize::from(width()) {
        return lines.join("\n") + "\n";
    }
    paragraphs(columns, rows, usize::from(width()))
}

fn paragraphs(columns: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let mut out = String::new();
    let options =
        textwrap::Options::new(width.max(20)).subsequent_indent("      ").break_words(false);
    for row in rows {
        let mut cells =
            columns.iter().zip(row).filter(|(_, text)| !text.is_empty() && *text != "-");
        if let Some((_, name)) = cells.next() {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{name}");
        }
        for (column, text) in cells {
            for line in textwrap::wrap(&format!("    {column}: {text}"), &options) {
                let _ = writeln!(out, "{}", line.trim_end());
            }
        }
    }
    out
}

/// Text in lines that fit the terminal; as it is in a pipe.
pub(super) fn wrapped(text: &str) -> String {
    if !stdout().is_terminal() {
        return text.to_owned();
    }
    let options = textwrap::Options::new(usize::from(width()).max(20)).break_words(false);
    text.lines().map(|line| textwrap::fill(line, &options) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_gets_paragraphs_with_whole_words() {
        let rows = vec![vec!["types".to_owned(), "1000000".to_owned(), "-".to_owned()]];
        let text = paragraphs(&["limit", "the longest header there is", "note"], &rows, 30);
        assert_eq!(text, "types\n    the longest header there\n      is: 1000000\n");
    }
}
