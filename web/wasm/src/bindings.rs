//! The ES module: texts of JSON in, texts of JSON out.

use js_sys::Function;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::engine;
use crate::keys::KeysError;
use crate::outcome::{Failure, Outcome};
use crate::progress;
use crate::request::Transaction;

/// See [`engine::Engine`].
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Engine {
    inner: engine::Engine,
}

fn text<T: Serialize>(document: &T) -> String {
    serde_json::to_string(document).expect("documents have names for keys")
}

fn thrown(failure: impl Into<Failure>) -> JsError {
    JsError::new(&text(&failure.into()))
}

fn parsed<T: for<'a> serde::Deserialize<'a>>(json: &str) -> Result<T, JsError> {
    serde_json::from_str(json)
        .map_err(|error| thrown(Failure::request(format!("this is not understood: {error}"))))
}

fn failed(error: KeysError) -> JsError {
    thrown(error)
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);
}

#[wasm_bindgen]
impl Engine {
    /// One without keys and polls. A panic, which ends the module, is said on the console.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Engine {
        std::panic::set_hook(Box::new(|panic| console_error(&panic.to_string())));
        Engine::default()
    }

    /// Has what operations say handed to a function, each as a text of JSON.
    #[wasm_bindgen(js_name = listen)]
    pub fn listen(&self, listener: Function) {
        progress::listen(Some(Box::new(move |saying| {
            // A listener that throws stops nothing.
            let _ = listener.call1(&JsValue::NULL, &JsValue::from_str(&text(saying)));
        })));
    }

    /// Begins an operation; its number.
    pub fn begin(&mut self, operation: &str, account: Option<String>) -> Result<u32, JsError> {
        let operation = parsed(operation)?;
        let account = account.map(|account| account.parse());
        let account = account.transpose();
        let account =
            account.map_err(|_| thrown(Failure::request("the account is not an address")))?;
        Ok(self.inner.begin(operation, account))
    }

    /// Runs an operation as far as it goes; an outcome.
    pub fn run(&mut self, handle: u32) -> String {
        let outcome: Outcome = self.inner.run(handle);
        text(&outcome)
    }

    /// Answers what an operation lacked.
    pub fn answer(&mut self, handle: u32, answer: &str) -> Result<(), JsError> {
        let answer = parsed(answer)?;
        self.inner.answer(handle, answer).map_err(thrown)
    }

    /// Tells an operation of a transaction that was sent for it before.
    pub fn sent(&mut self, handle: u32, transaction: &str, receipt: &str) -> Result<(), JsError> {
        let transaction: Transaction = parsed(transaction)?;
        let receipt = parsed(receipt)?;
        let told = self.inner.sent(handle, transaction, &receipt);
        told.map_err(thrown)
    }

    /// Gives up an operation.
    pub fn end(&mut self, handle: u32) {
        self.inner.end(handle);
    }

    /// Loads a proving key of joins, that with this digest alone.
    #[wasm_bindgen(js_name = loadJoinKey)]
    pub fn load_join_key(&mut self, bytes: &[u8], digest: &str) -> Result<(), JsError> {
        let digest = digest.parse();
        let digest = digest.map_err(|_| thrown(Failure::request("the digest is not 32 bytes")))?;
        let loaded = self.inner.shared.load_prover(bytes, digest);
        loaded.map_err(thrown)
    }

    /// Reads what a poll is about; the document, checked.
    #[wasm_bindgen(js_name = readMetadata)]
    pub fn read_metadata(
        &self,
        bytes: &[u8],
        digest: &str,
        options: u32,
    ) -> Result<String, JsError> {
        use maci_nova_sdk::poll::metadata::Metadata;
        let digest = digest.parse();
        let digest = digest.map_err(|_| thrown(Failure::request("the digest is not 32 bytes")))?;
        let read = Metadata::parse_known(bytes, &digest, u64::from(options));
        read.map(|metadata| text(&metadata))
            .map_err(|error| thrown(Failure::request(error)))
    }

    /// Checks what a poll shall be about, and returns its digest.
    #[wasm_bindgen(js_name = digestMetadata)]
    pub fn digest_metadata(&self, bytes: &[u8], options: u32) -> Result<String, JsError> {
        use maci_nova_sdk::poll::metadata::{digest, Metadata};
        let read = Metadata::parse(bytes);
        let read = read.and_then(|metadata| metadata.check_options(u64::from(options)));
        read.map(|()| digest(bytes).to_string())
            .map_err(|error| thrown(Failure::request(error)))
    }

    /// Makes a random key; its number.
    #[wasm_bindgen(js_name = randomKey)]
    pub fn random_key(&mut self) -> u32 {
        self.inner.shared.keys.random()
    }

    /// Makes the key of an account's signature; its number.
    #[wasm_bindgen(js_name = deriveKey)]
    pub fn derive_key(&mut self, signature: &[u8]) -> Result<u32, JsError> {
        self.inner.shared.keys.derive(signature).map_err(failed)
    }

    /// Reads a key file; the key's number.
    #[wasm_bindgen(js_name = importKey)]
    pub fn import_key(&mut self, file: &str) -> Result<u32, JsError> {
        self.inner.shared.keys.import(file).map_err(failed)
    }

    /// The private key, in the clear, as a key file has it.
    #[wasm_bindgen(js_name = exportKey)]
    pub fn export_key(&self, key: u32) -> Result<String, JsError> {
        let exported = self.inner.shared.keys.export(key);
        exported.map(|text| text.to_string()).map_err(failed)
    }

    /// The public key.
    #[wasm_bindgen(js_name = publicKey)]
    pub fn public_key(&self, key: u32) -> Result<String, JsError> {
        let public = self.inner.shared.keys.public(key);
        public.map(|key| key.to_serialized()).map_err(failed)
    }

    /// Erases a key.
    #[wasm_bindgen(js_name = forgetKey)]
    pub fn forget_key(&mut self, key: u32) {
        self.inner.shared.keys.forget(key);
    }
}
