//! The source files of a package, their imports, and the circles among them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::imports::{self, ImportPath, Imports};

/// The most re-exports of a name by other re-exports.
const MAX_DEPTH: usize = 8;

/// A source file.
pub(crate) struct File {
    /// The path from the source folder, with slashes.
    pub(crate) name: String,
    /// The path of the module.
    module: ImportPath,
    /// The paths in its code, without those of its tests.
    imports: Imports,
}

impl File {
    /// Returns the first segment of the module's path. It is empty for `lib.rs`.
    pub(crate) fn layer(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    fn new(name: String, source: &str) -> Self {
        let path = name.trim_end_matches(".rs").trim_end_matches("/mod");
        let module = path.split('/').filter(|part| *part != "lib").map(str::to_owned).collect();
        Self { name, module, imports: imports::of(&without_tests(source)) }
    }

    /// Returns the modules that are compiled for tests only.
    fn test_modules(&self, source: &str) -> Vec<ImportPath> {
        let lines: Vec<&str> = source.lines().collect();
        let declared = lines.windows(2).filter(|pair| is_test_attribute(pair[0]));
        let names = declared.filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'));
        names.map(|name| [&self.module[..], &[name.to_owned()]].concat()).collect()
    }
}

/// The files of one package.
pub(crate) struct Tree {
    files: BTreeMap<ImportPath, File>,
}

impl Tree {
    /// Reads all source files except those of tests.
    pub(crate) fn read(folder: &Path) -> Self {
        let (mut files, mut tests) = (BTreeMap::new(), Vec::new());
        for name in names(folder, "") {
            let source = fs::read_to_string(folder.join(&name)).unwrap();
            let file = File::new(name, &source);
            tests.extend(file.test_modules(&source));
            files.insert(file.module.clone(), file);
        }
        files.retain(|module: &ImportPath, _| !tests.iter().any(|test| module.starts_with(test)));
        Self { files }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// Returns each file with each other file from which it imports.
    ///
    /// A re-export is no import, because the file does not use the name itself. Who imports the name depends on the file
    /// that defines it.
    pub(crate) fn imports(&self) -> Vec<(&File, &File)> {
        let mut found = Vec::new();
        for file in self.files() {
            let targets = file.imports.used.iter().filter_map(|path| self.resolve(&file.module, path, 0));
            found.extend(targets.filter(|target| target.name != file.name).map(|target| (file, target)));
        }
        found
    }

    /// Returns the file that defines what a path names.
    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<&File> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        let start = if path[0] == "crate" { &[] } else { &from[..from.len().checked_sub(supers)?] };
        let absolute = [start, &path[supers.max(1)..]].concat();
        let found = |length: usize| Some((self.files.get(&absolute[..length])?, &absolute[length..]));
        let (file, rest) = (0..=absolute.len()).rev().find_map(found)?;
        let Some(name) = rest.first().filter(|_| depth < MAX_DEPTH) else { return Some(file) };
        match file.imports.reexported.iter().find(|path| path.last() == Some(name)) {
            Some(defined) => self.resolve(&file.module, &[defined, &rest[1..]].concat(), depth + 1),
            None => Some(file),
        }
    }

    /// Returns the groups of files in which each imports each other, directly or through others.
    pub(crate) fn circles(&self) -> Vec<Vec<&str>> {
        let mut imports = BTreeMap::<&str, Vec<&str>>::new();
        for (from, to) in self.imports() {
            imports.entry(&from.name).or_default().push(&to.name);
        }
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            imports.keys().map(|start| (*start, reached_from(start, &imports))).collect();
        let is_back = |other: &str, name: &str| reached.get(other).is_some_and(|names| names.contains(name));
        let circle_of = |name: &str| reached[name].iter().copied().filter(|other| is_back(other, name)).collect();
        let circles: BTreeSet<Vec<&str>> = reached.keys().map(|name| circle_of(name)).collect();
        circles.into_iter().filter(|circle| !circle.is_empty()).collect()
    }
}

/// Returns the files that a file imports, directly or through others.
fn reached_from<'a>(start: &str, imports: &BTreeMap<&str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let (mut seen, mut rest) = (BTreeSet::new(), imports.get(start).cloned().unwrap_or_default());
    while let Some(name) = rest.pop() {
        if seen.insert(name) {
            rest.extend(imports.get(name).into_iter().flatten());
        }
    }
    seen
}

/// Returns the names of the files in a folder and below it.
fn names(folder: &Path, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.join(prefix)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(names(folder, &format!("{name}/")));
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "rs") {
            found.push(name);
        }
    }
    found
}

fn is_test_attribute(line: &str) -> bool {
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test")
}

/// Cuts the module of tests at the end of a file off.
fn without_tests(source: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let begins_tests =
        |pair: &[&str]| is_test_attribute(pair[0]) && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    let end = lines.windows(2).position(begins_tests).unwrap_or(lines.len());
    lines[..end].join("\n")
}
