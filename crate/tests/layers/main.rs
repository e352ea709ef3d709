//! The layers of the source: no import points upwards, and no files import each other in a circle.
#![cfg(not(target_family = "wasm"))]

mod imports;
mod source;

use std::collections::BTreeSet;
use std::path::Path;

use source::Tree;

/// The modules of the crate, as in `ARCHITECTURE.md`: each imports only from those before it.
const LAYERS: [&str; 12] = [
    "trace",
    "sync",
    "types",
    "queue",
    "typed",
    "platform",
    "options",
    "connection",
    "websocket",
    "socket",
    "reconnect",
    "testing",
];
/// The modules that consist of the others' items.
const FACADES: [&str; 2] = ["", "guide"];
/// The one circle: callbacks receive the socket.
const CIRCLE: [&str; 3] = ["websocket/dispatcher.rs", "websocket/mod.rs", "websocket/subscription.rs"];

fn tree(package: &str) -> Tree {
    Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(package).join("src"))
}

#[test]
fn layers_are_all_modules_of_the_crate() {
    let tree = tree("");
    let found: BTreeSet<&str> =
        tree.files().map(source::File::layer).filter(|layer| !FACADES.contains(layer)).collect();
    assert_eq!(found, BTreeSet::from(LAYERS));
}

#[test]
fn no_import_points_upwards() {
    let tree = tree("");
    let level = |layer: &str| LAYERS.iter().position(|name| *name == layer).unwrap_or(LAYERS.len());
    let imports = tree.imports().into_iter();
    let upward = imports.filter(|(from, to)| level(from.layer()) < level(to.layer()));
    let upward: Vec<String> = upward.map(|(from, to)| format!("{} imports {}", from.name, to.name)).collect();
    assert_eq!(upward, Vec::<String>::new());
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_eq!(tree("").circles(), [CIRCLE]);
    for package in ["spec", "protocol"] {
        assert_eq!(tree(package).circles(), Vec::<Vec<&str>>::new(), "{package}");
    }
}

#[test]
fn imports_are_found_in_every_form() {
    let source = "use crate::a::{self, b::{C, D as E}, *};\npub use self::child::F;\n// use crate::comment::G;\n\
                  fn f() { super::h::i(\"crate::text::J\"); crate::k::L { m: 1 } }\nuse std::n::O;\nuse p::Q;\n";
    let found = imports::of(source);
    let joined = |paths: &[imports::ImportPath]| paths.iter().map(|path| path.join("::")).collect::<Vec<_>>();
    let used = ["crate::a", "crate::a::b::C", "crate::a::b::D", "crate::a", "super::h::i", "crate::k::L"];
    assert_eq!(
        (joined(&found.used), joined(&found.reexported)),
        (used.map(str::to_owned).to_vec(), vec!["self::child::F".to_owned()])
    );
}
