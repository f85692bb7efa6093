//! The pages that are made of results are those that the committed results make.

use std::path::Path;

use maci_nova_bench::docs;

#[test]
fn the_committed_pages_are_what_the_committed_results_make() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let results = docs::read(&here.join("data")).expect("results");
    for (name, text) in docs::pages(&results).expect("pages") {
        let path = here.join("../docs").join(name);
        let committed = std::fs::read_to_string(&path).expect("a page");
        assert!(
            committed == text,
            "{name}: maci-nova bench --from bench/data --write-docs docs"
        );
    }
}
