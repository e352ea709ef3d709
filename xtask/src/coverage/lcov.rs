//! The report of `llvm-cov export -format=lcov`: the number of executions of each line.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// The line that begins the unit tests at the end of a source file.
const TESTS: &str = "#[cfg(test)]";

/// The covered and uncovered lines of one source file, without those of its tests.
pub(super) struct SourceFile {
    pub(super) path: PathBuf,
    pub(super) covered: usize,
    /// The uncovered lines: their numbers and their texts.
    pub(super) uncovered: Vec<(usize, String)>,
}

impl SourceFile {
    pub(super) fn lines(&self) -> usize {
        self.covered + self.uncovered.len()
    }

    fn new(path: PathBuf, source: &str, counts: &BTreeMap<usize, u64>) -> Self {
        let lines: Vec<&str> = source.lines().collect();
        // A module of tests in a file of its own is only declared under the attribute.
        let begins_tests = |pair: &[&str]| pair[0] == TESTS && pair[1].starts_with("mod ") && pair[1].ends_with('{');
        let end = lines.windows(2).position(begins_tests).unwrap_or(lines.len());
        let mut file = Self { path, covered: 0, uncovered: Vec::new() };
        for (&number, &count) in counts.range(..=end) {
            if count > 0 {
                file.covered += 1;
            } else {
                let text = lines.get(number.wrapping_sub(1)).unwrap_or(&"").trim_end();
                file.uncovered.push((number, text.to_owned()));
            }
        }
        file
    }
}

/// Reads the report, and the source files that it names. Files of tests are left out.
pub(super) fn parse(report: &str) -> Result<Vec<SourceFile>> {
    let counts = parse_counts(report).into_iter().filter(|(path, _)| !is_test(path));
    let read = |(path, counts): (PathBuf, _)| {
        let source = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(SourceFile::new(path, &source, &counts))
    };
    counts.map(read).collect()
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests") || path.ends_with("tests.rs")
}

/// Reads the records `SF:path` and `DA:line,count`. The same line of several binaries counts once.
fn parse_counts(report: &str) -> BTreeMap<PathBuf, BTreeMap<usize, u64>> {
    let mut files = BTreeMap::<PathBuf, BTreeMap<usize, u64>>::new();
    let mut path = PathBuf::new();
    for line in report.lines() {
        if let Some(name) = line.strip_prefix("SF:") {
            path = name.into();
        } else if let Some((number, count)) = line.strip_prefix("DA:").and_then(|counts| counts.split_once(',')) {
            let count = count.split(',').next().and_then(|count| count.parse().ok()).unwrap_or(0);
            if let Ok(number) = number.parse() {
                let most = files.entry(path.clone()).or_default().entry(number).or_default();
                *most = count.max(*most);
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "SF:/a.rs\nFN:1,f\nDA:1,3\nDA:2,0\nDA:6,0\nend_of_record\nSF:/a.rs\nDA:1,0\nDA:2,0,hash\n\
                          SF:/tests/b.rs\nDA:1,1\nSF:/c/tests.rs\nDA:1,1\n";

    #[test]
    fn counts_of_several_binaries_are_merged() {
        let counts = parse_counts(REPORT);
        assert_eq!(counts[Path::new("/a.rs")], BTreeMap::from([(1, 3), (2, 0), (6, 0)]));
        let tests: Vec<_> = counts.keys().map(|path| is_test(path)).collect();
        assert_eq!(tests, [false, true, true]);
    }

    #[test]
    fn lines_of_unit_tests_are_left_out() {
        let source = "fn a() {}\n    fn b() {} \n#[cfg(test)]\nmod other;\n#[cfg(test)]\nmod tests {\n";
        let counts = BTreeMap::from([(1, 1), (2, 0), (6, 0)]);
        let file = SourceFile::new("/a.rs".into(), source, &counts);
        assert_eq!((file.covered, file.uncovered), (1, vec![(2, "    fn b() {}".to_owned())]));
    }
}
