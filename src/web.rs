//! The JavaScript edge: what each of the wasm modules exports.
//!
//! Feature `web` alone makes the *search* module (class `Index`), `web` with `encoder` the
//! *encoder* module (classes `Encoder` and `PreparedPage`); built for threads, it is the *threads*
//! module, which adds what the workers beside it call. All are called by the package's
//! worker and by nobody else: it lets one call of an object finish before it makes the next.
//! Only strings, numbers, typed arrays and, for results, plain objects cross.

mod error;

#[cfg(feature = "encoder")]
mod encoder;
#[cfg(not(feature = "encoder"))]
mod search;
#[cfg(all(feature = "encoder", target_feature = "atomics"))]
mod threads;
#[cfg(not(feature = "encoder"))]
mod transfer;
#[cfg(not(feature = "encoder"))]
mod upkeep;

use wasm_bindgen::prelude::*;

use crate::error::{Error, ErrorKind, Result};

/// A panic is a bug, and leaves the module unusable: its message and place go to the console, and
/// the trap that follows ends the worker.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// The forms of a page's content, by the names that JavaScript gives them. Their places here go
/// into a page's hash and are those of `blocks::Format`.
const FORMATS: [&str; 3] = ["html", "markdown", "text"];

/// The name of a form of content by its place; empty, which is no form, where it is unknown.
#[cfg(not(feature = "encoder"))]
fn format_name(place: u8) -> &'static str {
    FORMATS.get(usize::from(place)).copied().unwrap_or_default()
}

fn format_place(name: &str) -> Result<u8> {
    (0..).zip(FORMATS).find(|&(_, known)| known == name).map(|(place, _)| place).ok_or_else(|| {
        let message = format!("the format {name:?} is unknown: give one of {}", FORMATS.join(", "));
        Error::new(ErrorKind::Input, message)
    })
}
