//! Runs every target with every input of its corpus.

use std::fs;
use std::path::Path;

use samesocket_fuzz::TARGETS;

#[test]
fn every_corpus_input_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let inputs: Vec<_> =
            fs::read_dir(corpus.join(name)).expect(name).map(|entry| entry.expect(name).path()).collect();
        assert!(inputs.len() > 20, "{name} has {} inputs", inputs.len());
        for input in inputs {
            // The test harness prints this only if a test fails. The last line is the input that failed.
            println!("{}", input.display());
            target(&fs::read(&input).expect("an input"));
        }
    }
}
