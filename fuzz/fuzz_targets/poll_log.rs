//! Poll logs: what is read is written back, and read again the same.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use maci_nova_protocol::log::{LogIndex, LogReader, LogWriter, Record};

fn read(data: &[u8]) -> Option<Vec<Record>> {
    let records = LogReader::new(data).map(|record| record.map(|(_, record)| record));
    records.collect::<Result<_, _>>().ok()
}

fuzz_target!(|data: &[u8]| {
    let index = LogIndex::scan(data);
    let Some(records) = read(data) else {
        // What an index adds is the chains, which take any record in its place.
        assert!(index.is_err());
        return;
    };
    let mut writer = LogWriter::new(Vec::new());
    for record in &records {
        writer.write(record).expect("what is read can be written");
    }
    let written = writer.finish().expect("flushed");
    assert_eq!(read(&written).as_ref(), Some(&records));
    let (Ok(index), Ok(again)) = (index, LogIndex::scan(&written[..])) else {
        return;
    };
    assert_eq!(index.facts(), again.facts());
    let joins = index.joins(Cursor::new(data)).flatten().count();
    let messages = index.messages_reversed(Cursor::new(data)).flatten().count();
    let places = records.iter().map(|record| match record {
        Record::Header(_) => 0,
        Record::Join(_) => 1,
        _ => record.places() as usize,
    });
    assert_eq!(joins + messages, places.sum::<usize>());
});
