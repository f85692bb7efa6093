//! Poll files, which voters get from an operator.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use maci_nova_fuzz::scratch;
use maci_nova_sdk::poll::file::PollFile;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(file) = PollFile::parse(text, Path::new("poll.json")) else {
        return;
    };
    scratch::with(|scratch| {
        let path = scratch.path("poll.json");
        file.create(&path).expect("written");
        assert_eq!(PollFile::read(&path).expect("read"), file);
    });
});
