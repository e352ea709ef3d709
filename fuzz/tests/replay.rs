//! Every input that fuzzing has kept, through the functions that it was found with.

use std::fs;
use std::path::Path;

use samesocket_fuzz::TARGETS;

#[test]
fn every_kept_input_bears_the_claims_out() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let inputs: Vec<_> =
            fs::read_dir(corpus.join(name)).expect(name).map(|entry| entry.expect(name).path()).collect();
        assert!(inputs.len() > 20, "{name} has {} inputs", inputs.len());
        for input in inputs {
            // The harness shows what is printed only where a test fails: the last line names the input.
            println!("{}", input.display());
            target(&fs::read(&input).expect("an input"));
        }
    }
}
