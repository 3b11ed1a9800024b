//! Tables and texts in Markdown.

use crate::text::shown;

/// A table: the first column left, the others right.
#[derive(Debug)]
pub(super) struct Table {
    text: String,
    columns: usize,
}

impl Table {
    pub(super) fn new<T: AsRef<str>>(head: &[T]) -> Self {
        let mut table = Self { text: String::new(), columns: head.len() };
        table.row(head);
        let rule = (0..head.len()).map(|column| if column == 0 { "---" } else { "---:" });
        table.text.push_str(&format!("| {} |\n", rule.collect::<Vec<_>>().join(" | ")));
        table
    }

    pub(super) fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        debug_assert_eq!(
            cells.len(),
            self.columns,
            "a table's rows have as many cells as its head"
        );
        let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }

    pub(super) fn text(self) -> String {
        self.text
    }
}

/// Text of a scenario or sweep as plain text: nothing in it is markup.
pub(super) fn plain(text: &str) -> String {
    let mut safe = String::new();
    for c in shown(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => safe.extend(['\\', c]),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_sweep_is_markup() {
        assert_eq!(
            plain("a|b <script>*x*</script>\n# y"),
            "a\\|b &lt;script>\\*x\\*&lt;/script> \\# y"
        );
    }

    #[test]
    fn tables_are_markdown() {
        let mut table = Table::new(&["a", "b"]);
        table.row(&["1", "2"]);
        assert_eq!(table.text(), "| a | b |\n| --- | ---: |\n| 1 | 2 |\n");
    }
}
