//! Powers-of-tau files, which come from a ceremony or from anybody.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maci_nova_folding::testing::read_powers;
use maci_nova_fuzz::scratch;

/// A file that is right takes a tenth of a second: a small tau is looked for.
const COUNT: usize = 4;

fuzz_target!(|data: &[u8]| {
    scratch::with(|scratch| {
        let _ = read_powers(&scratch.file("powers.ptau", data), COUNT);
    });
});
