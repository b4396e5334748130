//! Any bytes as records, as a whole store, as a log and as an exported index: no panic, and what a
//! repair leaves is whole.
//!
//! An input is records one after the other, each beginning with `BRW`. Lengths and checksums are put
//! right before they are read: what lies behind them is what is to be tried. The raw bytes are
//! read too.
#![no_main]

#[path = "records/readers.rs"]
mod readers;
#[path = "records/sealed.rs"]
mod sealed;
#[path = "records/stores.rs"]
mod stores;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    readers::all(input);
    if input.starts_with(b"BRWL") {
        stores::log(&sealed::frames(input));
        stores::log(input);
        return;
    }
    let records = sealed::records(input);
    for record in &records {
        readers::all(record);
    }
    if input.starts_with(b"BRWX") {
        stores::import(&records.concat());
    } else {
        stores::store(&records);
    }
});
