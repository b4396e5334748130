//! How the changes of a commit are asked for, all of them or none.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;

use super::bytes_of;
use super::raw::{RawRange, RawStore, RawTransaction, Thrown, answered};
use crate::error::{Error, Result};
use crate::store::{Change, Commit, HEAD_KEY, Space};

/// Records that are asked for together: to ask for one after other work takes up to twice as long as
/// to ask for one after another.
const BURST: usize = 32;

/// Why not all of a commit was asked for.
pub(super) enum Refused {
    /// A change could not be made.
    ByMaker(Error),
    ByBrowser(JsValue),
}

impl From<JsValue> for Refused {
    fn from(thrown: JsValue) -> Self {
        Refused::ByBrowser(thrown)
    }
}

/// Asks for the head and for all changes, and says whether the head is the one expected. Where it is
/// not, the transaction is to be aborted.
///
/// Changes are asked for before the head is there: the browser takes them while the next are made.
/// Answers come in the order of what was asked, so the transaction cannot end before the head's.
pub(super) async fn request_if_expected(
    transaction: &RawTransaction,
    expected: Option<&[u8]>,
    changes: &mut dyn Iterator<Item = Result<Change>>,
) -> std::result::Result<Commit, Refused> {
    let head = transaction.object_store(Space::Meta.name())?.get(HEAD_KEY as f64)?;
    request_all(transaction, changes)?;
    answered(&head).await?;
    let value = head.result()?;
    let head = (!value.is_undefined()).then(|| bytes_of(value));
    if head.as_deref() != expected {
        return Ok(Commit::Conflict);
    }
    // The browser need not wait until every answer is heard here. One that does not know of this
    // ends the transaction by itself, a little later.
    drop(transaction.commit());
    Ok(Commit::Done)
}

/// Asks for every change; they are made in this order.
fn request_all(
    transaction: &RawTransaction,
    changes: &mut dyn Iterator<Item = Result<Change>>,
) -> std::result::Result<(), Refused> {
    let stores = Space::ALL.iter().map(|space| transaction.object_store(space.name()));
    let mut puts = Puts { stores: stores.collect::<Thrown<_>>()?, waiting: Vec::new() };
    for change in changes {
        match change.map_err(Refused::ByMaker)? {
            Change::Put { space, key, bytes } => puts.push(space, key, &bytes)?,
            Change::Delete { space, keys } if keys.start < keys.end => {
                puts.request()?;
                let range = RawRange::bound(keys.start as f64, keys.end as f64, false, true)?;
                puts.stores[space as usize].delete(&range)?;
            }
            Change::Delete { .. } => {}
        }
    }
    Ok(puts.request()?)
}

/// Records that are to be written, asked for some at a time.
struct Puts {
    /// Of all spaces.
    stores: Vec<RawStore>,
    waiting: Vec<(Space, u64, Uint8Array)>,
}

impl Puts {
    fn push(&mut self, space: Space, key: u64, bytes: &[u8]) -> Thrown<()> {
        self.waiting.push((space, key, Uint8Array::from(bytes)));
        if self.waiting.len() < BURST { Ok(()) } else { self.request() }
    }

    fn request(&mut self) -> Thrown<()> {
        for (space, key, value) in self.waiting.drain(..) {
            self.stores[space as usize].put(&value, key as f64)?;
        }
        Ok(())
    }
}
