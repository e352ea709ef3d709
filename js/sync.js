// The synchronous entry. The WebAssembly is embedded in it.

import { load } from "./load.js";
import bytes from "./samesocket.wasm";
import { over } from "./websocket.js";

load(new WebAssembly.Module(bytes));

export const WebSocket = over(globalThis);
export { over };
