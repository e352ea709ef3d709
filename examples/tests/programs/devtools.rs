//! The `DevTools` protocol with Chromium.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tokio::process::Command;

use crate::support::{self, installed};

#[test]
fn chromium_loads_a_page_and_computes() {
    support::run(async {
        let browser = installed("SAMESOCKET_CHROMIUM", "chromium");
        let output = support::output(env!("CARGO_BIN_EXE_devtools"), [browser]).await;
        let (product, results) = output.split_once('\n').expect("several lines");
        assert!(product.starts_with("product: ") && product.contains("Chrome/"), "{product}");
        assert_eq!(results, "title: \"A page\"\n6*7: 42\n");
    });
}

#[test]
fn program_that_gives_up_ends_its_browser() {
    support::run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let browser = folder.path().join("browser");
        // A browser that never listens.
        fs::write(&browser, "#!/bin/sh\nexec sleep 60\n").expect("the folder is writable");
        fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).expect("it is ours");
        let mut program = Command::new(env!("CARGO_BIN_EXE_devtools"));
        // The browser has the program's standard output, too, so this waits for both.
        let program = program.arg(&browser).arg("1").output().await.expect("it starts");
        let errors = String::from_utf8_lossy(&program.stderr);
        assert!(!program.status.success() && errors.contains("Elapsed"), "{errors}");
    });
}
