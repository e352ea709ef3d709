//! The generated parts of the README, each between two marks.

use anyhow::{Context as _, Result};

/// Replaces the text between the marks of this name.
pub(crate) fn replace(page: &str, name: &str, content: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}, generated -->\n"), format!("<!-- end of {name} -->\n"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.with_context(|| format!("the README lacks the marks of {name}"))?;
    Ok([before, &begin, "\n", content.trim(), "\n\n", &end, after].concat())
}

/// Formats a table as Markdown.
pub(crate) fn table(head: &[String], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head) + &line(&vec!["---".to_owned(); head.len()]);
    text.extend(rows.into_iter().map(|row| line(&row)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_between_marks_is_replaced() {
        let page = "a\n<!-- x, generated -->\nold\n<!-- end of x -->\nb\n";
        let replaced = replace(page, "x", "new").unwrap();
        assert_eq!(replaced, "a\n<!-- x, generated -->\n\nnew\n\n<!-- end of x -->\nb\n");
        assert_eq!(replace(&replaced, "x", "new").unwrap(), replaced);
        assert!(replace(page, "y", "new").is_err());
    }
}
