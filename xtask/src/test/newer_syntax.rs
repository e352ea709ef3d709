//! Syntax that the packages' `rust-version` does not have, found without that compiler.
//!
//! clippy's `incompatible_msrv` finds items of the standard library that are too new, and accepts any syntax.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use crate::project::Project;

/// A construct, and the version of Rust that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Construct {
    name: &'static str,
    since: (u64, u64),
}

const LET_CHAIN: Construct = Construct { name: "a let chain", since: (1, 88) };
const BOOLEAN_CFG: Construct = Construct { name: "`cfg(true)` or `cfg(false)`", since: (1, 88) };
const INFERRED_LENGTH: Construct = Construct { name: "an inferred length of an array", since: (1, 89) };
const LET_GUARD: Construct = Construct { name: "`if let` in a match guard", since: (1, 95) };
const CFG_SELECT: Construct = Construct { name: "`cfg_select!`", since: (1, 95) };

/// Checks all source files of all packages.
pub(super) fn check(project: &Project) -> Result<()> {
    let (mut files, mut found) = (0, Vec::new());
    for package in project.packages() {
        let version = package.rust_version.as_ref();
        let version = version.with_context(|| format!("{} has no rust-version", package.name))?;
        let folder = package.manifest_path.parent().context("the manifest has no folder")?;
        for path in sources(folder.as_std_path())? {
            files += 1;
            let source = fs::read_to_string(&path)?;
            let constructs = constructs(&source).with_context(|| path.display().to_string())?;
            let newer = constructs.into_iter().filter(|(found, _)| found.since > (version.major, version.minor));
            found.extend(newer.map(|(Construct { name, since }, line)| {
                format!(
                    "{}:{line}: {name} needs Rust {}.{}, and {version} is permitted",
                    path.display(),
                    since.0,
                    since.1
                )
            }));
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    ensure!(files > 0, "no source files were found");
    Ok(())
}

/// Returns the source files in a package's folder, without those of packages below it.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if !path.join("Cargo.toml").exists() && !path.ends_with("target") && !path.ends_with("node_modules") {
                found.extend(sources(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Returns the constructs of a source file that have a version, with their lines.
fn constructs(source: &str) -> Result<Vec<(Construct, usize)>> {
    let tokens: TokenStream = source.parse().map_err(|error| anyhow::anyhow!("it cannot be read: {error}"))?;
    let mut found = Vec::new();
    collect(&tokens.into_iter().collect::<Vec<_>>(), &mut found);
    Ok(found)
}

/// Collects from the tokens of one pair of brackets, and from those inside.
fn collect(tokens: &[TokenTree], found: &mut Vec<(Construct, usize)>) {
    for (position, token) in tokens.iter().enumerate() {
        let rest = &tokens[position..];
        let construct = match rest {
            [first, second, ..] if is_word(first, "if") || is_word(first, "while") => {
                if is_word(second, "let") {
                    of_condition(&rest[2..])
                } else {
                    None
                }
            }
            [_, _, word, ..] if is_and(rest) && is_word(word, "let") => Some(LET_CHAIN),
            [word, TokenTree::Punct(mark), ..] if is_word(word, "cfg_select") && mark.as_char() == '!' => {
                Some(CFG_SELECT)
            }
            [word, TokenTree::Group(group), ..] if is_word(word, "cfg") => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_boolean = matches!(&*inner, [word] if is_word(word, "true") || is_word(word, "false"));
                is_boolean.then_some(BOOLEAN_CFG)
            }
            _ => None,
        };
        found.extend(construct.map(|construct| (construct, token.span().start().line)));
        if let TokenTree::Group(group) = token {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            if group.delimiter() == Delimiter::Bracket && has_inferred_length(&inner) {
                found.push((INFERRED_LENGTH, token.span().start().line));
            }
            collect(&inner, found);
        }
    }
}

/// Returns the construct if the condition that follows `let` is a let chain or belongs to a let guard.
fn of_condition(tokens: &[TokenTree]) -> Option<Construct> {
    let is_block =
        |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    // The braces of a pattern are before its equals sign.
    let equals = tokens.iter().position(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == '='))?;
    let value = &tokens[equals + 1..];
    for position in 0..value.len() {
        let rest = &value[position..];
        if is_block(&rest[0]) {
            return None;
        }
        match rest {
            [TokenTree::Punct(equals), TokenTree::Punct(greater), ..]
                if equals.as_char() == '=' && greater.as_char() == '>' =>
            {
                return Some(LET_GUARD);
            }
            [TokenTree::Ident(_) | TokenTree::Literal(_) | TokenTree::Group(_), and @ ..] if is_and(and) => {
                return Some(LET_CHAIN);
            }
            [TokenTree::Punct(mark), and @ ..] if "?>".contains(mark.as_char()) && is_and(and) => {
                return Some(LET_CHAIN);
            }
            _ => {}
        }
    }
    None
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// Returns whether tokens begin with `&&`.
fn is_and(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(first), TokenTree::Punct(second), ..] = tokens else { return false };
    first.as_char() == '&' && first.spacing() == Spacing::Joint && second.as_char() == '&'
}

/// Returns whether the tokens of brackets end with `; _`.
fn has_inferred_length(tokens: &[TokenTree]) -> bool {
    let [.., TokenTree::Punct(semicolon), length] = tokens else { return false };
    semicolon.as_char() == ';' && is_word(length, "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_found(source: &str, expected: &[Construct]) {
        let found = constructs(source).unwrap();
        assert_eq!(found.iter().map(|(construct, _)| *construct).collect::<Vec<_>>(), expected, "{source}");
    }

    #[test]
    fn let_chains_are_found_in_every_form() {
        assert_found("fn f() { if let Some(a) = b && c {} }", &[LET_CHAIN]);
        assert_found("fn f() { if a && let Some(b) = c {} }", &[LET_CHAIN]);
        assert_found("fn f() { while let A { b, .. } = c() && d {} }", &[LET_CHAIN]);
        assert_found("fn f() { select! { a => if let B = c? && d {} } }", &[LET_CHAIN]);
        assert_found("fn f() { if let A = b && let C = d {} }", &[LET_CHAIN, LET_CHAIN]);
    }

    #[test]
    fn conditions_of_older_compilers_are_accepted() {
        assert_found("fn f() { if let Some(a) = b.filter(|c| d && e) {} else if f && g {} }", &[]);
        assert_found("fn f() { if let A = &&b {} while let C { d: &&E } = f {} let g = a && b; }", &[]);
        assert_found("fn f() { if let A = match b { C => d && e } {} let Some(a) = b else { return }; }", &[]);
        assert_found("// if let A = b && c {}\nconst TEXT: &str = \"if a && let B = c {}\";", &[]);
        assert_found("fn f() { match a { B if c && d => {} _ => {} } let c: [_; 2] = [_a; N]; }", &[]);
    }

    #[test]
    fn newer_constructs_are_found() {
        assert_found("fn f() { match a { B if let C = d => {} _ => {} } }", &[LET_GUARD]);
        assert_found("fn f() { let a: [u8; _] = b; }", &[INFERRED_LENGTH]);
        assert_found("#[cfg(false)] fn f() {}", &[BOOLEAN_CFG]);
        assert_found("cfg_select! { unix => {} }", &[CFG_SELECT]);
    }

    #[test]
    fn workspace_has_no_newer_syntax() {
        check(&Project::read().unwrap()).unwrap();
    }

    #[test]
    fn line_of_a_construct_is_returned() {
        let found = constructs("fn f() {\n    a();\n    if b && let C = d {}\n}").unwrap();
        assert_eq!(found, [(LET_CHAIN, 3)]);
    }
}
