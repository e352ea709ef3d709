//! The bytes that a client adds to a program, by module.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::wasm::Sizes;

/// The prefix of the paths of our packages.
const OURS: &str = "samesocket";
/// The number of modules of a path that are told apart, with the package.
const DEPTH: usize = 3;

/// The bytes of a module, before compression.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Module {
    pub(super) name: String,
    pub(super) bytes: i64,
}

/// Returns the bytes of each module in `program` that are not in `base`, largest first. Both have names.
pub(super) fn added(program: &Path, base: &Path) -> Result<Vec<Module>> {
    let read = |path: &Path| {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Sizes::read(&bytes).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for (sizes, sign) in [(read(program)?, 1), (read(base)?, -1)] {
        *sums.entry("(data)".to_owned()).or_default() += sign * i64::try_from(sizes.data)?;
        for (function, bytes) in sizes.functions {
            *sums.entry(module(&function)).or_default() += sign * i64::try_from(bytes)?;
        }
    }
    let mut modules: Vec<Module> = sums.into_iter().map(|(name, bytes)| Module { name, bytes }).collect();
    modules.retain(|module| module.bytes != 0);
    modules.sort_by_key(|module| -module.bytes);
    Ok(modules)
}

/// Returns the module to which a function belongs.
///
/// A function that was generated for a type of ours, such as its destructor, counts as ours. Others belong to their
/// package as a whole.
fn module(function: &str) -> String {
    let is_ours = function.find(OURS);
    let path = &function[is_ours.unwrap_or(0)..];
    let path = path.trim_start_matches(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let end = path.find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | ':'));
    let parts = path[..end.unwrap_or(path.len())].split("::");
    let is_module = |part: &&str| part.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_');
    // The last part of a path is the function itself, or its hash.
    let modules: Vec<&str> = parts.take_while(is_module).take(if is_ours.is_some() { DEPTH } else { 1 }).collect();
    if modules.is_empty() { "(others)".to_owned() } else { modules.join("::") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_belong_to_modules_of_ours_or_to_a_package() {
        for (function, expected) in [
            ("samesocket::socket::inbox::Inbox::push::h0123456789abcdef", "samesocket::socket::inbox"),
            ("<samesocket::socket::connect::Connect as Future>::poll::h01", "samesocket::socket::connect"),
            ("core::ptr::drop_in_place<samesocket::queue::BoundedQueue<T>>::h01", "samesocket::queue"),
            ("<alloc::rc::Rc<T> as core::ops::drop::Drop>::drop::h01", "alloc"),
            ("__wbindgen_malloc", "__wbindgen_malloc"),
            ("", "(others)"),
        ] {
            assert_eq!(module(function), expected, "{function}");
        }
    }
}
