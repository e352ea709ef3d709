//! The paths that a source file mentions.

/// A path as a list of its segments.
pub(crate) type ImportPath = Vec<String>;

/// The paths of a file that begin with `crate`, `self` or `super`.
#[derive(Default)]
pub(crate) struct Imports {
    /// Those of `use` items, and those elsewhere.
    pub(crate) used: Vec<ImportPath>,
    /// Those of `pub use` items.
    pub(crate) reexported: Vec<ImportPath>,
}

/// Returns the paths of a file.
pub(crate) fn of(source: &str) -> Imports {
    let tokens = tokens(source);
    let (mut found, mut position, mut is_reexport) = (Imports::default(), 0, false);
    while position < tokens.len() {
        match &*tokens[position] {
            "use" => is_reexport = is_public(&tokens[..position]),
            ";" => is_reexport = false,
            "crate" | "self" | "super" if tokens.get(position + 1).is_some_and(|next| next == "::") => {
                let paths = if is_reexport { &mut found.reexported } else { &mut found.used };
                position = read_path(&tokens, position, &[], paths);
                continue;
            }
            _ => {}
        }
        position += 1;
    }
    found
}

/// Returns whether a visibility ends these tokens.
fn is_public(before: &[String]) -> bool {
    before.last().is_some_and(|token| token == "pub" || token == ")")
}

/// Reads a path, or a tree of paths in braces. Returns the position behind it.
fn read_path(tokens: &[String], mut position: usize, prefix: &[String], paths: &mut Vec<ImportPath>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(position).map(String::as_str) {
            Some("{") => {
                position += 1;
                while tokens.get(position).is_some_and(|token| token != "}") {
                    position = read_path(tokens, position, &path, paths);
                    // A name after `as` is not part of the path.
                    while tokens.get(position).is_some_and(|token| token != "," && token != "}") {
                        position += 1;
                    }
                    position += usize::from(tokens.get(position).is_some_and(|token| token == ","));
                }
                return position + 1;
            }
            Some("*" | "self") if !path.is_empty() => position += 1,
            Some(name) => {
                path.push(name.to_owned());
                position += 1;
            }
            None => {}
        }
        if tokens.get(position).is_none_or(|token| token != "::") {
            paths.push(path);
            return position;
        }
        position += 1;
    }
}

/// Splits code into names and punctuation, without comments, and without the contents of literals.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for line in source.lines() {
        let mut in_text = false;
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let size = match first {
                _ if rest.starts_with("//") && !in_text => break,
                '\\' if in_text => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
                '"' => {
                    in_text = !in_text;
                    1
                }
                _ if in_text => first.len_utf8(),
                _ if first.is_alphanumeric() || first == '_' => {
                    let end =
                        rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
                    tokens.push(rest[..end].to_owned());
                    end
                }
                _ if rest.starts_with("::") => {
                    tokens.push("::".to_owned());
                    2
                }
                _ => {
                    if !first.is_whitespace() {
                        tokens.push(first.to_string());
                    }
                    first.len_utf8()
                }
            };
            rest = &rest[size..];
        }
    }
    tokens
}
