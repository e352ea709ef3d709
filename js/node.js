// The main entry for Node and compatible runtimes. It loads the WebAssembly file beside it.

import { readFile } from "node:fs/promises";

import { load } from "./load.js";
import { over } from "./websocket.js";

load(await WebAssembly.compile(await readFile(new URL("./samesocket.wasm", import.meta.url))));

export const WebSocket = over(globalThis);
export { over };
