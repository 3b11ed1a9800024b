//! Which files a source file imports, read from its `mod` items, its paths and its `include`s: enough of Rust's syntax
//! for the way this workspace is written. Where it is in doubt it finds too much.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The smallest parts of a source that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
}

/// A workspace of crates, each in the folder of its name.
#[derive(Debug)]
pub(super) struct Workspace {
    root: PathBuf,
}

/// A path with the name under which it is imported.
type Import = (Vec<String>, String);

impl Workspace {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// All files that `start` imports, itself included, and those that they import. Of the root of a crate only what is
    /// named: it is no import of all its modules.
    pub(super) fn imported_by(&self, start: &Path) -> BTreeSet<PathBuf> {
        let (mut found, mut queue) = (BTreeSet::new(), vec![start.to_owned()]);
        while let Some(file) = queue.pop() {
            if found.insert(file.clone())
                && file.extension().is_some_and(|end| end == "rs" || end == "in")
            {
                queue.extend(self.imports(&file));
            }
        }
        found
    }

    fn imports(&self, file: &Path) -> Vec<PathBuf> {
        let tokens = tokens(&fs::read_to_string(file).unwrap());
        let mut files: Vec<PathBuf> = included(&tokens).map(|name| beside(file, &name)).collect();
        if !is_root(file) {
            files.extend(modules(&tokens).filter_map(|name| child(file, &name)));
        }
        for (path, _) in imports(&tokens) {
            files.extend(self.resolve(file, &path));
        }
        if by_macro(&tokens) {
            let root = self.crate_of(file);
            let first = tokens
                .windows(3)
                .filter(|three| is_mark(three.get(1), ':') && is_mark(three.get(2), ':'));
            files.extend(first.filter_map(|three| child(&root, word(three.first())?)));
        }
        files
    }

    /// The files of the modules that a path in `file` goes through.
    fn resolve(&self, file: &Path, path: &[String]) -> Vec<PathBuf> {
        let mut at = match path[0].as_str() {
            "crate" => self.crate_of(file),
            "self" => file.to_owned(),
            "super" => parent(file),
            name => match self.crate_named(name) {
                Some(root) => root,
                None => return Vec::new(),
            },
        };
        let mut files = Vec::new();
        for name in &path[1..] {
            if name == "super" {
                at = parent(&at);
            } else if let Some(next) = child(&at, name) {
                at = next;
            } else {
                files.extend(self.exported(&at, name));
                break;
            }
            files.push(at.clone());
        }
        if path[0] == "super" && !is_root(&parent(file)) {
            files.push(parent(file));
        }
        files.retain(|file| !is_root(file));
        files
    }

    /// What a crate's root exports under a name that is no module of it.
    fn exported(&self, root: &Path, name: &str) -> Vec<PathBuf> {
        if !is_root(root) {
            return Vec::new();
        }
        let tokens = tokens(&fs::read_to_string(root).unwrap());
        let known = uses(&tokens).into_iter().filter(|(_, exported)| exported == name);
        let rooted = |path: Vec<String>| match self.crate_named(&path[0]) {
            _ if path[0] == "self" || path[0] == "crate" => path,
            Some(_) => path,
            None => [vec!["crate".to_owned()], path].concat(),
        };
        // `use a_crate as name`: all of it, as what follows the name is not looked at.
        known
            .flat_map(|(path, _)| match (path.len(), self.crate_named(&path[0])) {
                (1, Some(other)) => self.whole(&other),
                _ => self.resolve(root, &rooted(path)),
            })
            .collect()
    }

    /// The modules of a crate's root.
    fn whole(&self, root: &Path) -> Vec<PathBuf> {
        let tokens = tokens(&fs::read_to_string(root).unwrap());
        modules(&tokens).filter_map(|name| child(root, &name)).collect()
    }

    fn crate_of(&self, file: &Path) -> PathBuf {
        let inside = file.strip_prefix(&self.root).unwrap();
        self.root.join(inside.iter().next().unwrap()).join("lib.rs")
    }

    fn crate_named(&self, name: &str) -> Option<PathBuf> {
        let folder = name.strip_prefix("fleetune_")?;
        let root = self.root.join(folder).join("lib.rs");
        root.exists().then_some(root)
    }
}

fn is_root(file: &Path) -> bool {
    file.ends_with("lib.rs")
}

fn beside(file: &Path, name: &str) -> PathBuf {
    let mut path = file.parent().unwrap().to_owned();
    for part in Path::new(name) {
        if part == ".." {
            path.pop();
        } else {
            path.push(part);
        }
    }
    path
}

/// The folder of a file's modules.
fn folder(file: &Path) -> PathBuf {
    let own = file.ends_with("mod.rs") || is_root(file);
    if own { file.parent().unwrap().to_owned() } else { file.with_extension("") }
}

fn child(file: &Path, name: &str) -> Option<PathBuf> {
    let folder = folder(file);
    [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]
        .into_iter()
        .find(|f| f.exists())
}

fn parent(file: &Path) -> PathBuf {
    let folder = if file.ends_with("mod.rs") { file.parent().unwrap() } else { file };
    let above = folder.parent().unwrap();
    let candidates = [above.join("lib.rs"), above.join("mod.rs"), above.with_extension("rs")];
    candidates.into_iter().find(|f| f.exists()).unwrap_or_else(|| file.to_owned())
}

/// Without comments, lifetimes, and what is compiled for tests alone.
fn tokens(source: &str) -> Vec<Token> {
    without_tests(&all_tokens(source))
}

fn all_tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut tokens, mut i) = (Vec::new(), 0);
    let starts =
        |i: usize, text: &str| text.chars().enumerate().all(|(k, c)| chars.get(i + k) == Some(&c));
    while i < chars.len() {
        if starts(i, "//") {
            i += chars[i..].iter().take_while(|&&c| c != '\n').count();
        } else if chars[i] == 'r'
            && (starts(i, "r\"") || starts(i, "r#\""))
            && !matches!(tokens.last(), Some(Token::Word(_)))
        {
            let hash = chars[i + 1] == '#';
            let from = i + if hash { 3 } else { 2 };
            let end = if hash { "\"#" } else { "\"" };
            let length = (from..chars.len()).take_while(|&k| !starts(k, end)).count();
            tokens.push(Token::Text(chars[from..from + length].iter().collect()));
            i = from + length + end.len();
        } else if chars[i] == '"' {
            let mut text = String::new();
            i += 1;
            while i < chars.len() && chars[i] != '"' {
                i += usize::from(chars[i] == '\\');
                text.extend(chars.get(i));
                i += 1;
            }
            tokens.push(Token::Text(text));
            i += 1;
        } else if chars[i] == '\'' {
            // A character, or else a lifetime, of which the word may stay.
            i += match (chars.get(i + 1), chars.get(i + 2)) {
                (Some('\\'), _) => {
                    3 + chars[i + 3..].iter().take_while(|&&c| c != '\'').count() + 1
                }
                (_, Some('\'')) => 3,
                _ => 1,
            };
        } else if chars[i].is_alphanumeric() || chars[i] == '_' {
            let word: String =
                chars[i..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
            i += word.chars().count();
            tokens.push(Token::Word(word));
        } else {
            if !chars[i].is_whitespace() {
                tokens.push(Token::Mark(chars[i]));
            }
            i += 1;
        }
    }
    tokens
}

fn word(token: Option<&Token>) -> Option<&str> {
    match token {
        Some(Token::Word(word)) => Some(word),
        _ => None,
    }
}

fn is_mark(token: Option<&Token>, mark: char) -> bool {
    token == Some(&Token::Mark(mark))
}

fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let attribute = all_tokens("#[cfg(test)]");
    let (mut kept, mut i) = (Vec::new(), 0);
    while i < tokens.len() {
        if !tokens[i..].starts_with(&attribute) {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        // Up to the end of the item: a semicolon or a block.
        let (mut depth, mut ended) = (0_usize, false);
        i += attribute.len();
        while i < tokens.len() && !ended {
            match tokens[i] {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') => {
                    depth -= 1;
                    ended = depth == 0;
                }
                Token::Mark(';') => ended = depth == 0,
                _ => {}
            }
            i += 1;
        }
    }
    kept
}

/// The names of `mod name;`.
fn modules(tokens: &[Token]) -> impl Iterator<Item = String> + '_ {
    tokens.windows(3).filter_map(|three| {
        let module = word(three.first()) == Some("mod") && is_mark(three.last(), ';');
        module.then(|| word(three.get(1)).map(str::to_owned)).flatten()
    })
}

/// The files of `include!("name")` and its like.
fn included(tokens: &[Token]) -> impl Iterator<Item = String> + '_ {
    tokens.windows(4).filter_map(|four| match four {
        [Token::Word(name), Token::Mark('!'), Token::Mark('('), Token::Text(text)]
            if name.starts_with("include") =>
        {
            Some(text.clone())
        }
        _ => None,
    })
}

/// All paths that begin at a crate or a module above, in `use`s and elsewhere.
fn imports(tokens: &[Token]) -> Vec<Import> {
    let mut found = Vec::new();
    for i in 0..tokens.len() {
        let begins = word(tokens.get(i)).is_some_and(|name| {
            ["crate", "self", "super"].contains(&name) || name.starts_with("fleetune_")
        });
        let goes_on = is_mark(tokens.get(i + 1), ':') && is_mark(tokens.get(i + 2), ':');
        let continues = i > 0 && is_mark(tokens.get(i - 1), ':');
        if begins && goes_on && !continues {
            tree(tokens, i, &[], &mut found);
        }
    }
    found
}

/// Whether a macro makes paths of the crate of what it is given: then whatever looks like a module may be one.
fn by_macro(tokens: &[Token]) -> bool {
    tokens.windows(4).any(|four| {
        word(four.first()) == Some("crate")
            && is_mark(four.get(1), ':')
            && is_mark(four.get(3), '$')
    })
}

/// What `use` items bring in, whatever they begin with.
fn uses(tokens: &[Token]) -> Vec<Import> {
    let mut found = Vec::new();
    for i in 0..tokens.len() {
        if word(tokens.get(i)) == Some("use") {
            tree(tokens, i + 1, &[], &mut found);
        }
    }
    found
}

/// Reads a tree of paths below `prefix` from place `i` on; returns where it ends.
fn tree(tokens: &[Token], i: usize, prefix: &[String], found: &mut Vec<Import>) -> usize {
    let (mut path, mut i) = (prefix.to_vec(), i);
    loop {
        if is_mark(tokens.get(i), '{') {
            i += 1;
            while i < tokens.len() && !is_mark(tokens.get(i), '}') {
                let next = tree(tokens, i, &path, found);
                i = next.max(i + 1);
                i += usize::from(is_mark(tokens.get(i), ','));
            }
            return i + 1;
        }
        let Some(name) = word(tokens.get(i)) else {
            i += usize::from(is_mark(tokens.get(i), '*'));
            break;
        };
        // `self` in braces is the module itself.
        if name != "self" || path.is_empty() {
            path.push(name.to_owned());
        }
        i += 1;
        if !(is_mark(tokens.get(i), ':') && is_mark(tokens.get(i + 1), ':')) {
            break;
        }
        i += 2;
    }
    if let Some(last) = path.last() {
        let renamed = word(tokens.get(i)) == Some("as");
        let name = if renamed { word(tokens.get(i + 1)).unwrap_or(last) } else { last };
        found.push((path.clone(), name.to_owned()));
        i += if renamed { 2 } else { 0 };
    }
    i
}

#[test]
fn paths_are_read_from_all_their_forms() {
    let source = "
        // use crate::nothing;
        use crate::{a::{self, b as c}, d::*};
        mod e; #[cfg(test)] mod f; #[cfg(test)] mod g { use crate::h; }
        fn x<'a>() { let y = super::i::j(\"crate::k\", 'l'); fleetune_m::n(); include_str!(\"o.txt\"); }";
    let found = tokens(source);
    let text = |import: &Import| import.0.join("::");
    let paths: Vec<String> = imports(&found).iter().map(text).collect();
    assert_eq!(paths, ["crate::a", "crate::a::b", "crate::d", "super::i::j", "fleetune_m::n"]);
    assert_eq!(modules(&found).collect::<Vec<_>>(), ["e"]);
    assert_eq!(included(&found).collect::<Vec<_>>(), ["o.txt"]);
    assert!(
        uses(&found).contains(&(["crate", "a", "b"].map(str::to_owned).to_vec(), "c".to_owned()))
    );
}
