// The worker that runs the tests in workerd: the program that `wasm-bindgen-test-runner` writes for Node, as a handler.

import "./classes.js";
import "./count.js";
import "./module.js";
import wasm from "./tests.js";

export default {
  async test(_controller, { SERVER, TESTS }) {
    globalThis.samesocketServer = SERVER;
    const context = new wasm.WasmBindgenTestContext(false);
    const passed = await context.run(TESTS.map((name) => wasm.__wasm[name]));
    if (!passed) throw new Error("tests failed");
  },
};
