// Instantiates the WebAssembly and connects it with the generated JavaScript.

import * as rules from "./rules_bg.js";

/** The sizes of the WebAssembly memory and of its table of references, for the tests. */
export let memory;

/** Instantiates the compiled WebAssembly module. */
export function load(module) {
  const { exports } = new WebAssembly.Instance(module, { "./rules_bg.js": rules });
  rules.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
  memory = { bytes: () => exports.memory.buffer.byteLength, references: () => exports.__wbindgen_externrefs.length };
}
