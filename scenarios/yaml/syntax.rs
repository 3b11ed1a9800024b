use super::{Malformed, Position};

/// What the parser's own message means, and what to do about it.
pub(super) fn explain(text: &str, error: &serde_yaml::Error) -> Malformed {
    let raw = error.to_string();
    let noticed = Position::of_error(error);
    let at = |position| Malformed { position, message: String::new(), help: None };
    let said = |message: &str, help: &str| {
        Malformed { message: message.to_owned(), ..at(noticed) }.with_help(help)
    };
    // What was begun and not finished is pointed at where it begins: the parser may notice much later.
    let unfinished = |message: &str, help: &str| {
        let noticed =
            noticed.map_or(String::new(), |at| format!(" (noticed at {}:{})", at.line, at.column));
        let begins = began(&raw).or(Position::of_error(error));
        Malformed { message: format!("{message}{noticed}"), ..at(begins) }.with_help(help)
    };
    let found = noticed.and_then(|at| character(text, at));
    match () {
        () if found == Some('\t') => {
            said("a tab in the indentation; YAML indents with spaces", "replace the tab by spaces")
        }
        () if raw.contains("cannot start any token") => said(
            &format!("unquoted text cannot begin with `{}`", found.unwrap_or('?')),
            "put the text in quotes",
        ),
        () if raw.contains("expected ',' or ']'") => unfinished(
            "a list with `[` is not closed",
            "close it with `]`, and put a `,` between its entries",
        ),
        () if raw.contains("expected ',' or '}'") => unfinished(
            "a map with `{` is not closed",
            "close it with `}`, and put a `,` between its entries",
        ),
        () if raw.contains("did not find expected node content") => {
            said("a value is missing here", "look for an unclosed `[` or `{` above, or a stray `,`")
        }
        () if raw.contains("mapping values are not allowed") => said(
            "a `:` is not allowed here",
            "check the indentation of this line and the one above, or put the text in quotes",
        ),
        () if raw.contains("could not find expected ':'") => unfinished(
            "expected `key: value`; there is no `:`",
            "add a `:` and a space after the key",
        ),
        () if raw.contains("did not find expected key")
            || raw.contains("did not find expected '-' indicator") =>
        {
            said(
                "this line does not fit the lines above",
                "entries of one map or list begin in the same column",
            )
        }
        () if raw.contains("unexpected end of stream") => {
            unfinished("quotes are not closed", "add the closing quote")
        }
        () if raw.contains("unknown anchor") => said(
            "an alias (`*name`) without its anchor (`&name`)",
            "define the anchor above, or put the text in quotes if it is not an alias",
        ),
        () if raw.contains("recursion limit") || raw.contains("repetition limit") => {
            said("nested too deep, or aliases that contain themselves", "write the values out")
        }
        () if raw.contains("expected a key:") => {
            said("a key cannot be a list or a map", "write plain text before the `:`")
        }
        () => said(
            &format!("not valid YAML: {}", without_position(&raw)),
            "see https://yaml.org/spec/1.2/",
        ),
    }
}

/// The character at a position.
fn character(text: &str, at: Position) -> Option<char> {
    text.lines().nth(at.line - 1)?.chars().nth(at.column - 1)
}

/// Where the unfinished thing began, from the second half of the parser's message: `, while parsing a flow
/// sequence at line 3 column 9`.
fn began(raw: &str) -> Option<Position> {
    let (_, context) = raw.rsplit_once(", while ")?;
    let (_, place) = context.rsplit_once(" at line ")?;
    let (line, column) = place.split_once(" column ")?;
    Some(Position { line: line.parse().ok()?, column: column.parse().ok()? })
}

/// The message without the parser's own "at line 3 column 9".
fn without_position(raw: &str) -> &str {
    raw.split(" at line ").next().unwrap_or(raw)
}
