//! The commands of a ceremony, as far as they go without an hour of powers of tau.

use std::fs;

use crate::harness::run_line;

#[test]
fn what_is_not_a_ceremony() {
    let directory = tempfile::tempdir().expect("a folder");
    let (file, missing) = (
        directory.path().join("file"),
        directory.path().join("missing"),
    );
    fs::write(&file, "not a ceremony").expect("written");
    let new = directory.path().join("new");
    let lines = [
        (
            "ceremony contribute --from {} --out {} --ptau none --name Ada",
            [&file, &new],
            3,
        ),
        (
            "ceremony contribute --from {} --out {} --ptau none --name Ada",
            [&missing, &new],
            3,
        ),
        (
            "ceremony beacon --from {} --out {} --value 0x01",
            [&file, &new],
            3,
        ),
        ("ceremony verify {} --ptau {}", [&file, &missing], 3),
        ("ceremony finish {} --ptau {}", [&missing, &file], 3),
        (
            "ceremony new --beacon later --ptau {} --out {}",
            [&missing, &new],
            5,
        ),
        (
            "ceremony new --beacon later --ptau {} --out {}",
            [&file, &new],
            5,
        ),
    ];
    for (line, paths, code) in lines {
        let paths = paths.map(|path| path.as_path());
        run_line(line, &paths).failed(code);
        assert!(!new.exists(), "{line}");
    }
}
