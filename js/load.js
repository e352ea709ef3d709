// Connects the compiled rules with the JavaScript around them.

import * as rules from "./rules_bg.js";

/** Where the compiled rules keep the state of every socket, for the tests to weigh. */
export let memory;

export function load(module) {
  const { exports } = new WebAssembly.Instance(module, { "./rules_bg.js": rules });
  rules.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
  memory = { bytes: () => exports.memory.buffer.byteLength, references: () => exports.__wbindgen_externrefs.length };
}
