//! Keystores and key files of accounts, as other programs write them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maci_nova_fuzz::scratch;
use maci_nova_node::{Account, AccountSource};
use serde_json::Value;

/// Work of deriving a key that is not worth a fuzzer's time: real keystores take seconds, and more
/// is refused.
const MOST_WORK: f64 = 4096.0;

/// Whether deriving this keystore's key takes no time. Numbers may be anywhere, and in words.
fn is_cheap(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| number <= MOST_WORK),
        Value::String(text) => {
            let digits = text.trim_start_matches("0x");
            digits.len() >= 16
                || u64::from_str_radix(digits, 16).is_ok_and(|n| n <= 4096)
                || !digits.starts_with(|c: char| c.is_ascii_hexdigit())
        }
        Value::Array(values) => values.iter().all(is_cheap),
        Value::Object(fields) => fields.values().all(is_cheap),
        Value::Null | Value::Bool(_) => true,
    }
}

fuzz_target!(|data: &[u8]| {
    scratch::with(|scratch| {
        let path = scratch.file("key", data);
        let _ = Account::open(&AccountSource::KeyFile(path.clone()));
        let text = String::from_utf8_lossy(data);
        if !serde_json::from_str(text.trim_start_matches('\u{feff}')).is_ok_and(|v| is_cheap(&v)) {
            return;
        }
        let password_file = Some(scratch.file("password", b"testpassword\n"));
        let _ = Account::open(&AccountSource::Keystore {
            path,
            password_file,
        });
    });
});
