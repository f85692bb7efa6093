//! Files of messages that somebody else is to publish.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maci_nova_fuzz::scratch;
use maci_nova_sdk::voter::messages_file::{read, write};

fuzz_target!(|data: &[u8]| {
    scratch::with(|scratch| {
        let Ok(messages) = read(&scratch.file("messages.jsonl", data)) else {
            return;
        };
        let path = scratch.path("again.jsonl");
        write(&path, &messages).expect("written");
        assert_eq!(read(&path).expect("read"), messages);
    });
});
