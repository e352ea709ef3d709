// The globals of the conformance scripts in Node, Deno and Bun: the platform's class, and our class over it.
//
// `SAMESOCKET_PLATFORM` is an npm package that has the platform's class, unless the runtime's own is tested.
// `SAMESOCKET_SERVER` describes the fault server, as JSON.

import { over } from "../index.runtimes.js";

const { SAMESOCKET_PLATFORM: name, SAMESOCKET_RUNTIME: runtime, SAMESOCKET_SERVER: server } = process.env;

const platform = name ? await import(name) : globalThis;
globalThis.WebSocket = platform.WebSocket;
if (name === "ws") {
  // A failed socket of `ws` without listeners ends the process.
  globalThis.WebSocket = class WebSocket extends platform.WebSocket {
    constructor(...values) {
      super(...values);
      this.on("error", () => {});
    }
  };
}
if (runtime === "node-20") {
  // A subprotocol that was not asked for ends a Node 20 that does not catch this exception. The socket then stays as it is.
  process.on("uncaughtException", (exception) => {
    if (exception instanceof TypeError && String(exception.stack).includes("processResponse")) return;
    console.error(exception);
    process.exit(1);
  });
}
globalThis.samesocket = { WebSocket: over(platform) };
globalThis.samesocketServer = server;
// The tests take a runtime with this property for a page.
delete globalThis.self;
