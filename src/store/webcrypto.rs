//! The browser's own AES-GCM, with a key of the caller's or one that never leaves the browser.

use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Crypto, CryptoKey, SubtleCrypto};

use super::{Cipher, IndexedDbStore, Place};
use crate::error::{Error, ErrorKind, Result};

const ALGORITHM: &str = "AES-GCM";

const KEY_BYTES: usize = 32;

/// With random nonces of this length, a key is good for 2^32 records.
const NONCE_BYTES: usize = 12;

/// A key of the browser's, and what encrypts with it.
pub struct WebCipher {
    crypto: Crypto,
    subtle: SubtleCrypto,
    key: CryptoKey,
}

impl WebCipher {
    /// With the caller's key: 32 bytes, or a `CryptoKey` for AES-GCM with 256 bits.
    ///
    /// # Errors
    ///
    /// `Input` where it is something else, `Locked` where the browser offers no encryption.
    pub async fn with_key(key: &JsValue) -> Result<Self> {
        let (crypto, subtle) = browser_crypto()?;
        let key = match key.dyn_ref::<CryptoKey>() {
            Some(key) => key.clone(),
            None => import(&subtle, key).await?,
        };
        check_key(&key)?;
        Ok(WebCipher { crypto, subtle, key })
    }

    /// With the key that lies in the database, which is made where there is none. JavaScript can
    /// use it and cannot read it.
    ///
    /// # Errors
    ///
    /// `Locked` where the browser offers no encryption, `Storage` or `StorageFull` where the key
    /// cannot be kept.
    pub async fn of_device(store: &IndexedDbStore) -> Result<Self> {
        let (crypto, subtle) = browser_crypto()?;
        let mut kept = Ok(());
        // The second time it is there: this tab's or, where another was quicker, that one's.
        for _ in 0..2 {
            if let Some(key) = store.device_key().await? {
                let key = key.dyn_into::<CryptoKey>().map_err(|_| no_device_key())?;
                check_key(&key)?;
                return Ok(WebCipher { crypto, subtle, key });
            }
            kept = store.keep_device_key(&generate(&subtle).await?).await;
        }
        Err(kept.err().unwrap_or_else(no_device_key))
    }

    fn encryption(&self, place: &Place, plain: &[u8]) -> JsResult<(Vec<u8>, JsFuture)> {
        let mut nonce = vec![0; NONCE_BYTES];
        self.crypto.get_random_values_with_u8_array(&mut nonce)?;
        let plain = Uint8Array::from(plain);
        let parameters = parameters(&nonce, place)?;
        let promise = self.subtle.encrypt_with_object_and_buffer_source(
            &parameters,
            &self.key,
            plain.unchecked_ref(),
        )?;
        Ok((nonce, promise.into()))
    }

    fn decryption(&self, place: &Place, sealed: &[u8]) -> JsResult<Option<JsFuture>> {
        let Some((nonce, sealed)) = sealed.split_at_checked(NONCE_BYTES) else { return Ok(None) };
        let sealed = Uint8Array::from(sealed);
        let promise = self.subtle.decrypt_with_object_and_buffer_source(
            &parameters(nonce, place)?,
            &self.key,
            sealed.unchecked_ref(),
        )?;
        Ok(Some(promise.into()))
    }
}

type JsResult<T> = std::result::Result<T, JsValue>;

impl Cipher for WebCipher {
    async fn seal(&self, records: &[(Place, &[u8])]) -> Result<Vec<Vec<u8>>> {
        // All are begun before the first is waited for: they run beside each other.
        let begun: JsResult<Vec<_>> =
            records.iter().map(|(place, plain)| self.encryption(place, plain)).collect();
        let mut all = Vec::with_capacity(records.len());
        for (mut nonce, sealed) in begun.map_err(|cause| failure("encrypt", &cause))? {
            let sealed = sealed.await.map_err(|cause| failure("encrypt", &cause))?;
            nonce.extend(Uint8Array::new(&sealed).to_vec());
            all.push(nonce);
        }
        Ok(all)
    }

    async fn open(&self, records: &[(Place, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
        let begun: JsResult<Vec<_>> =
            records.iter().map(|(place, sealed)| self.decryption(place, sealed)).collect();
        let mut all = Vec::with_capacity(records.len());
        for opening in begun.map_err(|cause| failure("decrypt", &cause))? {
            let Some(opening) = opening else {
                all.push(None);
                continue;
            };
            all.push(match opening.await {
                Ok(plain) => Some(Uint8Array::new(&plain).to_vec()),
                // The one name for all that was not encrypted just so.
                Err(cause) if text(&cause, "name") == "OperationError" => None,
                Err(cause) => return Err(failure("decrypt", &cause)),
            });
        }
        Ok(all)
    }
}

fn browser_crypto() -> Result<(Crypto, SubtleCrypto)> {
    let crypto = Reflect::get(&js_sys::global(), &"crypto".into()).unwrap_or_default();
    let subtle = crypto.dyn_into::<Crypto>().map(|crypto| (crypto.subtle(), crypto));
    match subtle {
        // Without a secure context the property is not there, whatever its type says.
        Ok((subtle, crypto)) if !subtle.is_undefined() => Ok((crypto, subtle)),
        _ => {
            let message = "the browser encrypts only on pages that came by HTTPS or from \
                           localhost: serve the page so, or open without encryption";
            Err(Error::new(ErrorKind::Locked, message))
        }
    }
}

async fn import(subtle: &SubtleCrypto, key: &JsValue) -> Result<CryptoKey> {
    let bytes = key.dyn_ref::<Uint8Array>().filter(|key| key.length() as usize == KEY_BYTES);
    let Some(bytes) = bytes else { return Err(no_key()) };
    let begun = subtle.import_key_with_str("raw", bytes, ALGORITHM, false, &usages());
    let fail = |cause: JsValue| failure("take a key for", &cause);
    let key = JsFuture::from(begun.map_err(fail)?).await.map_err(fail)?;
    key.dyn_into().map_err(|_| no_key())
}

async fn generate(subtle: &SubtleCrypto) -> Result<JsValue> {
    let fail = |cause: JsValue| failure("make a key for", &cause);
    let algorithm = Object::new();
    set(&algorithm, "name", &ALGORITHM.into()).map_err(fail)?;
    set(&algorithm, "length", &(KEY_BYTES as u32 * 8).into()).map_err(fail)?;
    let begun = subtle.generate_key_with_object(&algorithm, false, &usages());
    JsFuture::from(begun.map_err(fail)?).await.map_err(fail)
}

fn usages() -> Array {
    ["encrypt", "decrypt"].into_iter().map(JsValue::from_str).collect()
}

/// A key for something else would fail with every record.
fn check_key(key: &CryptoKey) -> Result<()> {
    let algorithm = Reflect::get(key, &"algorithm".into()).unwrap_or_default();
    let bits = Reflect::get(&algorithm, &"length".into()).ok().and_then(|it| it.as_f64());
    let given: Array = Reflect::get(key, &"usages".into()).unwrap_or_default().unchecked_into();
    let is_usable = usages().iter().all(|usage| given.includes(&usage, 0));
    if text(&algorithm, "name") == ALGORITHM && bits == Some(KEY_BYTES as f64 * 8.0) && is_usable {
        return Ok(());
    }
    Err(no_key())
}

fn no_device_key() -> Error {
    let message = "this device's key is not in the database any more: delete the index and add \
                   its pages again";
    Error::new(ErrorKind::Corrupt, message)
}

fn no_key() -> Error {
    let message = "the key of the option encryption cannot be used: give 32 bytes as a Uint8Array, \
                   or a CryptoKey for AES-GCM with 256 bits that may encrypt and decrypt";
    Error::new(ErrorKind::Input, message)
}

fn parameters(nonce: &[u8], place: &Place) -> JsResult<Object> {
    let parameters = Object::new();
    set(&parameters, "name", &ALGORITHM.into())?;
    set(&parameters, "iv", &Uint8Array::from(nonce).into())?;
    set(&parameters, "additionalData", &Uint8Array::from(place.as_slice()).into())?;
    Ok(parameters)
}

fn set(object: &Object, name: &str, value: &JsValue) -> JsResult<()> {
    Reflect::set(object, &name.into(), value).map(drop)
}

fn text(of: &JsValue, name: &str) -> String {
    let value = Reflect::get(of, &name.into()).ok().and_then(|value| value.as_string());
    value.unwrap_or_default()
}

fn failure(doing: &str, cause: &JsValue) -> Error {
    let message = format!(
        "the browser could not {doing} the index ({}: {}): open it again",
        text(cause, "name"),
        text(cause, "message")
    );
    Error::new(ErrorKind::Storage, message)
}
