//! How the changes of a commit are asked for, all of them or none.

use idb::{KeyRange, ObjectStore, Transaction};
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::JsValue;

use super::open::call;
use super::{bytes_of, js_key};
use crate::error::{Error, Result};
use crate::store::{Change, Commit, HEAD_KEY, Space};

/// Why not all of a commit was asked for.
pub(super) enum Refused {
    /// A change could not be made.
    ByMaker(Error),
    ByBrowser(idb::Error),
}

impl From<idb::Error> for Refused {
    fn from(error: idb::Error) -> Self {
        Refused::ByBrowser(error)
    }
}

/// Asks for the head and for all changes, and says whether the head is the one expected. Where it is
/// not, the transaction is to be aborted.
///
/// Changes are asked for before the head is there: the browser takes them while the next are made.
/// Answers come in the order of what was asked, so the transaction cannot end before the head's.
pub(super) async fn request_if_expected(
    transaction: &Transaction,
    expected: Option<&[u8]>,
    changes: &mut dyn Iterator<Item = Result<Change>>,
) -> std::result::Result<Commit, Refused> {
    let meta = transaction.object_store(Space::Meta.name())?;
    let head = meta.get(js_key(HEAD_KEY))?;
    request_all(transaction, changes)?;
    let head = head.await?.map(bytes_of);
    Ok(if head.as_deref() == expected { Commit::Done } else { Commit::Conflict })
}

/// Asks for every change; they are made in this order.
fn request_all(
    transaction: &Transaction,
    changes: &mut dyn Iterator<Item = Result<Change>>,
) -> std::result::Result<(), Refused> {
    let stores = Space::ALL.iter().map(|space| transaction.object_store(space.name()));
    let stores: Vec<ObjectStore> = stores.collect::<std::result::Result<_, _>>()?;
    for change in changes {
        match change.map_err(Refused::ByMaker)? {
            Change::Put { space, key, bytes } => {
                let value = Uint8Array::from(bytes.as_slice());
                stores[space as usize].put(&value, Some(&js_key(key)))?;
            }
            Change::Delete { space, keys } if keys.start < keys.end => {
                let (start, end) = (js_key(keys.start), js_key(keys.end));
                let range = KeyRange::bound(&start, &end, None, Some(true))?;
                stores[space as usize].delete(range)?;
            }
            Change::Delete { .. } => {}
        }
    }
    Ok(())
}

/// Takes a transaction back. `idb` would drop its callbacks with it, before its end calls them;
/// so this goes by another handle on the same transaction, which one of its stores gives.
pub(super) fn abort(transaction: &Transaction) {
    if let Ok(store) = transaction.object_store(Space::Meta.name()) {
        drop(store.transaction().abort());
    }
}

/// Fulfilled when the transaction is complete, rejected when it is aborted.
///
/// `idb` has a future for this, but it hides why a transaction was aborted: a full disk is told
/// only by the transaction's own error, after the `abort` event.
pub(super) fn settled(transaction: &mut Transaction) -> Promise {
    Promise::new(&mut |resolve, reject| {
        transaction.on_complete(move |_| call(&resolve, &JsValue::UNDEFINED));
        transaction.on_abort(move |event| call(&reject, &event));
    })
}
