//! The calls of IndexedDB that records go by, with no callback of Burrow's own for each request.
//!
//! Requests of one transaction are answered in their order: whoever waits for the last has them
//! all. So a promise is settled by the last request alone, which also fails where the transaction
//! is aborted, and nothing comes back into WebAssembly for the others.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

/// What JavaScript gives, or what it threw.
pub(super) type Thrown<T> = Result<T, JsValue>;

#[wasm_bindgen]
extern "C" {
    /// An open database.
    pub(super) type RawDatabase;

    #[wasm_bindgen(method, catch)]
    pub(super) fn transaction(
        this: &RawDatabase,
        stores: &Array,
        mode: &str,
        options: &JsValue,
    ) -> Thrown<RawTransaction>;

    /// A transaction under way.
    pub(super) type RawTransaction;

    #[wasm_bindgen(method, catch, js_name = objectStore)]
    pub(super) fn object_store(this: &RawTransaction, name: &str) -> Thrown<RawStore>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn commit(this: &RawTransaction) -> Thrown<()>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn abort(this: &RawTransaction) -> Thrown<()>;

    #[wasm_bindgen(method, getter, js_name = error)]
    fn transaction_error(this: &RawTransaction) -> JsValue;

    #[wasm_bindgen(method, setter)]
    fn set_oncomplete(this: &RawTransaction, handler: &Function);

    #[wasm_bindgen(method, setter)]
    fn set_onabort(this: &RawTransaction, handler: &Function);

    /// An object store in a transaction.
    pub(super) type RawStore;

    #[wasm_bindgen(method, catch)]
    pub(super) fn get(this: &RawStore, key: f64) -> Thrown<RawRequest>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn put(this: &RawStore, value: &JsValue, key: f64) -> Thrown<RawRequest>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn add(this: &RawStore, value: &JsValue, key: f64) -> Thrown<RawRequest>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn delete(this: &RawStore, keys: &RawRange) -> Thrown<RawRequest>;

    #[wasm_bindgen(method, catch, js_name = getAll)]
    pub(super) fn get_all(this: &RawStore, from: &RawRange, count: u32) -> Thrown<RawRequest>;

    #[wasm_bindgen(method, catch, js_name = getAllKeys)]
    pub(super) fn get_all_keys(this: &RawStore, from: &RawRange, count: u32) -> Thrown<RawRequest>;

    /// A request under way, or answered.
    pub(super) type RawRequest;

    #[wasm_bindgen(method, catch, getter)]
    pub(super) fn result(this: &RawRequest) -> Thrown<JsValue>;

    #[wasm_bindgen(method, setter)]
    fn set_onsuccess(this: &RawRequest, handler: &Function);

    #[wasm_bindgen(method, setter)]
    fn set_onerror(this: &RawRequest, handler: &Function);

    #[wasm_bindgen(method, getter)]
    fn error(this: &RawRequest) -> JsValue;

    #[wasm_bindgen(method, getter, js_name = transaction)]
    fn its_transaction(this: &RawRequest) -> RawTransaction;

    /// Some of an object store's keys.
    #[wasm_bindgen(js_name = IDBKeyRange)]
    pub(super) type RawRange;

    #[wasm_bindgen(static_method_of = RawRange, js_class = "IDBKeyRange", js_name = lowerBound, catch)]
    pub(super) fn lower_bound(from: f64) -> Thrown<RawRange>;

    #[wasm_bindgen(static_method_of = RawRange, js_class = "IDBKeyRange", catch)]
    pub(super) fn bound(from: f64, to: f64, is_from_out: bool, is_to_out: bool)
    -> Thrown<RawRange>;
}

/// Fulfilled when a transaction is complete, rejected when it is aborted.
///
/// Why it was aborted is told by [`RawTransaction::reason`], after that: of a full disk
/// nothing else tells.
pub(super) fn settled(transaction: &RawTransaction) -> Promise {
    Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(&resolve);
        transaction.set_onabort(&reject);
    })
}

/// Waits until a request is answered, and so are all that its transaction was asked before.
///
/// # Errors
///
/// Why the transaction was aborted, which fails every request that it has not answered.
pub(super) async fn answered(last: &RawRequest) -> Thrown<()> {
    let promise = Promise::new(&mut |resolve, reject| {
        last.set_onsuccess(&resolve);
        last.set_onerror(&reject);
    });
    let end = JsFuture::from(promise).await;
    end.map(drop).map_err(|_| last.its_transaction().reason().unwrap_or_else(|| last.error()))
}

impl RawTransaction {
    /// Why it was aborted; none where it was not, or [`RawTransaction::abort`] did it.
    pub(super) fn reason(&self) -> Option<JsValue> {
        Some(self.transaction_error()).filter(|reason| !reason.is_falsy())
    }
}
