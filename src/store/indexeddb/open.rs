//! How a database comes to be open: made, upgraded, or given up where another tab is in the way.

use std::cell::Cell;
use std::rc::Rc;

use idb::event::VersionChangeEvent;
use idb::{Database, DatabaseEvent, Factory, ObjectStoreParams, Request};
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::KEYS;
use super::failure::{BLOCKED, IntoValue, failure};
use crate::error::Result;
use crate::store::Space;

/// Counts up when the object stores change; `make_stores` then takes older databases along.
const DATABASE_VERSION: u32 = 2;

/// Opens a database, and makes what is missing in it.
pub(super) async fn open_database(name: &str) -> Result<Database> {
    let factory = Factory::new().map_err(|error| failure("find", &error.into_value()))?;
    let opening = factory.open(name, Some(DATABASE_VERSION));
    let mut request = opening.map_err(|error| failure("open", &error.into_value()))?;
    let given_up = Rc::new(Cell::new(false));
    let promise = Promise::new(&mut |resolve, reject| {
        request.on_upgrade_needed(|event| drop(make_stores(&event)));
        let late = Rc::clone(&given_up);
        request.on_success(move |event| {
            // Nobody waits any more: an open connection would block the other tabs for ever.
            if late.get()
                && let Ok(database) = event.database()
            {
                database.close();
            }
            call(&resolve, &JsValue::UNDEFINED);
        });
        let (failed, blocked) = (reject.clone(), Rc::clone(&given_up));
        request.on_error(move |event| {
            let error = idb::Event::target(&event).and_then(|request| request.error());
            call(&failed, &error.ok().flatten().map_or(JsValue::NULL, JsValue::from));
        });
        request.on_blocked(move |_| {
            blocked.set(true);
            call(&reject, &JsValue::from_str(BLOCKED));
        });
    });
    let opened = JsFuture::from(promise).await;
    if given_up.get() {
        request.forget_callbacks();
    }
    opened.map_err(|cause| failure("open", &cause))?;
    request.database().map_err(|error| failure("open", &error.into_value()))
}

/// Makes the object stores that are missing. What fails here aborts the upgrade, and the opening
/// then fails with its reason.
fn make_stores(event: &VersionChangeEvent) -> std::result::Result<(), idb::Error> {
    let database = event.database()?;
    let present = database.store_names();
    for space in Space::ALL {
        if !present.iter().any(|name| name == space.name()) {
            database.create_object_store(space.name(), ObjectStoreParams::new())?;
        }
    }
    if !present.iter().any(|name| name == KEYS) {
        database.create_object_store(KEYS, ObjectStoreParams::new())?;
    }
    Ok(())
}

/// The name of an index's database.
pub(super) fn database_name(name: &str) -> String {
    format!("burrow-{name}")
}

/// Settles a promise. Its functions do not throw.
pub(super) fn call(settle: &Function, value: &JsValue) {
    drop(settle.call1(&JsValue::UNDEFINED, value));
}
