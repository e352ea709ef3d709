//! Static files for the pages under test, served with cross-origin isolation.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{http::Response, query};

/// The headers for cross-origin isolation, and for a service worker whose scope is the whole origin.
const ISOLATION: [(&str, &str); 3] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Service-Worker-Allowed", "/"),
];

/// Returns the file at `path`, if it exists. Both `/page/` and `/` stand for `directory`.
pub(crate) async fn respond(directory: &Path, path: &str) -> Option<Response> {
    if let Some(path) = path.strip_prefix("/page/") {
        if let Some(response) = read(directory, path).await {
            return Some(response);
        }
    }
    read(directory, path.strip_prefix('/')?).await
}

async fn read(directory: &Path, path: &str) -> Option<Response> {
    let mut file = resolve(directory, path)?;
    if tokio::fs::metadata(&file).await.ok()?.is_dir() {
        file.push("index.html");
    }
    let body = match tokio::fs::read(&file).await {
        Ok(body) => body,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Response::text(500, format!("{error}\n"))),
    };
    let response = Response::new(200, content_type(&file), body);
    let isolated = ISOLATION.iter().fold(response, |response, (name, value)| response.with(name, *value));
    Some(isolated)
}

/// Resolves a URL path to a file under `directory`. Returns `None` if the path would leave it.
fn resolve(directory: &Path, path: &str) -> Option<PathBuf> {
    let path = String::from_utf8(query::decode(path)).ok()?;
    let mut file = directory.to_owned();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        if matches!(segment, "." | "..") || segment.contains(['\\', ':', '\0']) {
            return None;
        }
        file.push(segment);
    }
    Some(file)
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("txt" | "md" | "ts") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_cannot_leave_the_directory() {
        let directory = Path::new("site");
        for path in ["../x", "a/../../x", "%2e%2e/x", "a%2f..%2fx", "a\\..\\x", "C:/x"] {
            assert_eq!(resolve(directory, path), None, "{path}");
        }
        assert_eq!(resolve(directory, "a//b%20c"), Some(directory.join("a/b c")));
        assert_eq!(resolve(directory, "//etc"), Some(directory.join("etc")));
    }
}
