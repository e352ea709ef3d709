// The entry for pages that load the WebAssembly file beside it, which is smaller than the embedded text.

import { load } from "./load.js";
import { over } from "./websocket.js";

const response = await fetch(new URL("./samesocket.wasm", import.meta.url));
if (!response.ok) throw new Error(`${response.url}: ${response.status} ${response.statusText}`);
load(await WebAssembly.compile(await response.arrayBuffer()));

export const WebSocket = over(globalThis);
export { over };
