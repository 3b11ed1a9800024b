//! Texts of unknown origin, made fit to be shown.

/// `text` on one line and without characters that XML forbids, terminals obey or readers cannot
/// see: control characters become spaces, direction overrides and other invisible marks vanish.
/// What markup would make of the rest is for whoever writes markup to escape.
pub(crate) fn shown(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {}
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() || c.is_whitespace() => {
                if !clean.ends_with(' ') {
                    clean.push(' ');
                }
            }
            c => clean.push(c),
        }
    }
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn nothing_invisible_or_commanding_is_left() {
        assert_eq!(shown("a\u{0}b\u{1b}[31mc"), "a b [31mc");
        assert_eq!(shown(" two\r\nlines "), "two lines");
        assert_eq!(shown("safe\u{202e}gpj.exe\u{200b}"), "safegpj.exe");
        assert_eq!(shown("<b> & Ünïcödé ×"), "<b> & Ünïcödé ×");
    }
}
