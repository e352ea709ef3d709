//! The class of the npm package as a subject.

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::origin;
use super::platform::{Class, ClassSubject};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch)]
    fn fetch(url: &str) -> js_sys::Promise;

    type Response;
    #[wasm_bindgen(method, getter)]
    fn ok(this: &Response) -> bool;
    #[wasm_bindgen(method)]
    fn text(this: &Response) -> js_sys::Promise;
}

/// The class of the npm package as a subject, with arguments as a page passes them.
pub type DropIn = ClassSubject<DropInClass>;

/// The file name of the package's classic script, beside the tests; every context can load a classic script.
const SCRIPT: &str = "samesocket.js";

/// The class of the npm package.
pub struct DropInClass;

impl Class for DropInClass {
    const NAME: &'static str = "class";

    fn find() -> Function {
        let package = Reflect::get(&js_sys::global(), &"samesocket".into()).expect("a global object");
        Reflect::get(&package, &"WebSocket".into()).expect("the package was loaded").unchecked_into()
    }
}

impl DropIn {
    /// Loads the package, which `cargo xtask` copies beside the tests; in Node it is a global already.
    ///
    /// # Panics
    ///
    /// If the package is not there, because the tests were not started by `cargo xtask`.
    pub async fn load() {
        if Reflect::has(&js_sys::global(), &"samesocket".into()) == Ok(true) {
            return;
        }
        let response = JsFuture::from(fetch(&format!("{}/{SCRIPT}", origin()))).await.expect("a server");
        let response: Response = response.unchecked_into();
        assert!(response.ok(), "{SCRIPT} is not beside the tests");
        let script = JsFuture::from(response.text()).await.expect("a body").as_string().expect("a string");
        let run = Function::new_no_args(&format!("{script}\nglobalThis.samesocket = samesocket;"));
        run.call0(&JsValue::NULL).expect("a script that runs");
    }
}
