use super::{Malformed, Position};

/// The longest text that is read. Real scenarios have a few kilobytes; the parser needs about 130 bytes of memory
/// per byte of the worst text.
pub(crate) const LONGEST: usize = 1 << 20;

/// Refuses what the parser would take too long over, or could not point at.
pub(super) fn check(bytes: &[u8]) -> Result<&str, Malformed> {
    if bytes.len() > LONGEST {
        let message =
            format!("the text has {} bytes; a scenario has at most {LONGEST}", bytes.len());
        return Err(Malformed { position: None, message, help: None }
            .with_help("is this the right file? put data in a dataset file and name it"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    let forbidden = |(_, c): &(usize, char)| !printable(*c);
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    if let Some((offset, c)) = text[start..].char_indices().find(forbidden) {
        let message = format!("the character {} is not allowed in YAML", c.escape_unicode());
        return Err(Malformed::at(Position::of_offset(text, start + offset), message)
            .with_help("save the file as plain text in UTF-8"));
    }
    let mut returns = text.match_indices('\r');
    if let Some((offset, _)) = returns.find(|(at, _)| !text[at + 1..].starts_with('\n')) {
        let message = "a carriage return without a line feed";
        return Err(Malformed::at(Position::of_offset(text, offset), message)
            .with_help("save the file with Unix or Windows line ends"));
    }
    // The parser's time grows with the product of length and depth.
    if let Some(offset) = too_deep(text) {
        let message = format!("more than {MOST_OPEN} brackets are open here");
        return Err(Malformed::at(Position::of_offset(text, offset), message)
            .with_help("look for a `[` or `{` that is not closed"));
    }
    // Directives serve no scenario, and the parser is quadratic in their number.
    if let Some(line) = text.lines().position(|line| line.starts_with('%')) {
        let at = Position { line: line + 1, column: 1 };
        return Err(Malformed::at(at, "YAML directives (`%...`) are not supported")
            .with_help("remove the line"));
    }
    Ok(text)
}

/// Brackets that may be open at once, those in comments and texts included. A scenario needs about eight.
const MOST_OPEN: usize = 256;

/// Where too many brackets are open.
fn too_deep(text: &str) -> Option<usize> {
    let mut open = 0usize;
    text.bytes().position(|byte| {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => (),
        }
        open > MOST_OPEN
    })
}

fn not_utf8(bytes: &[u8], valid: usize) -> Malformed {
    let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
    let byte = bytes.get(valid).copied().unwrap_or_default();
    let message = format!("the byte 0x{byte:02x} is not UTF-8 text");
    Malformed::at(Position::of_offset(&before, before.len()), message)
        .with_help("save the file as plain text in UTF-8")
}

/// YAML's own set of characters that may stand in a text, less the line breaks that editors do not number lines by.
fn printable(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}'
            | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..
    )
}
