use std::fmt;

/// The line that an error points at, and which part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    /// The line's number; none for text that is in no file.
    number: Option<usize>,
    line: String,
    /// Characters before the marked ones.
    before: usize,
    marked: usize,
}

/// Characters of a line that are shown, and how many of them may come before the mark.
const WIDEST: usize = 100;
const LEAD: usize = 60;

impl Snippet {
    /// Marks what stands at `column` (characters, from 1) of `line`.
    pub(super) fn new(number: Option<usize>, line: &str, column: usize) -> Self {
        let chars: Vec<char> = line.chars().collect();
        let start = (column.max(1) - 1).min(chars.len());
        let marked = extent(&chars[start..]).max(1);
        let from = start.saturating_sub(LEAD);
        let shown = chars[from..].iter().take(WIDEST);
        // One column per character, so that the caret stands below what it means.
        let line: String = shown.map(|&c| if c.is_control() { ' ' } else { c }).collect();
        let before = start - from;
        let room = line.chars().count().saturating_sub(before).max(1);
        Self { number, line: line.trim_end().to_owned(), before, marked: marked.min(room) }
    }

    /// Width of the line's number.
    pub(super) fn gutter(&self) -> usize {
        self.number.map_or(1, |number| number.to_string().len())
    }

    /// Writes the line and a caret, after the line that says where.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
        let gutter = self.gutter();
        let number = self.number.map_or(String::new(), |number| number.to_string());
        writeln!(f, "\n{:gutter$} |", "")?;
        writeln!(f, "{number:gutter$} | {}", self.line)?;
        write!(
            f,
            "{:gutter$} | {:before$}{}",
            "",
            "",
            "^".repeat(self.marked),
            before = self.before
        )?;
        if !path.is_empty() {
            write!(f, " in {path}")?;
        }
        Ok(())
    }
}

/// How many characters the word, number or quoted text at the start of `rest` has.
fn extent(rest: &[char]) -> usize {
    match rest.first() {
        None => 0,
        Some(quote @ ('"' | '\'')) => {
            let close = rest[1..].iter().position(|c| c == quote);
            close.map_or(rest.len(), |at| at + 2)
        }
        Some('{' | '[' | '&' | '*' | '|' | '>') => 1,
        Some(_) => {
            let ends = |i: usize| {
                let next = rest.get(i + 1).copied().unwrap_or(' ');
                match rest[i] {
                    ',' | '}' | ']' => true,
                    ':' => next.is_whitespace(),
                    ' ' => next == '#',
                    _ => false,
                }
            };
            let end = (0..rest.len()).find(|&i| ends(i)).unwrap_or(rest.len());
            let text: String = rest[..end].iter().collect();
            text.trim_end().chars().count()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(line: &str, column: usize) -> String {
        let snippet = Snippet::new(Some(1), line, column);
        snippet.line.chars().skip(snippet.before).take(snippet.marked).collect()
    }

    #[test]
    fn the_caret_covers_one_word() {
        assert_eq!(marked("  cohrt: 8 # how many", 3), "cohrt");
        assert_eq!(marked("  cohort: 12 MB/s # how many", 11), "12 MB/s");
        assert_eq!(marked("a: { b: \"x, y\", c: 1 }", 9), "\"x, y\"");
        assert_eq!(marked("a: { b: x y, c: 1 }", 9), "x y");
        assert_eq!(marked("a: { b: x }", 4), "{");
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let line = format!("{}wrong: 1{}", "ä".repeat(5_000), "z".repeat(5_000));
        let snippet = Snippet::new(Some(1), &line, 5_001);
        assert_eq!(snippet.line.chars().count(), WIDEST);
        assert_eq!(marked(&line, 5_001), "wrong");
    }

    #[test]
    fn beyond_the_end_of_a_line_there_is_still_a_caret() {
        let snippet = Snippet::new(Some(1), "ab", 9);
        assert_eq!((snippet.before, snippet.marked), (2, 1));
    }
}
