// The main entry, in Node and its like: the compiled rules stand beside this file.

import { readFile } from "node:fs/promises";

import { load } from "./load.js";
import { over } from "./websocket.js";

load(await WebAssembly.compile(await readFile(new URL("./samesocket.wasm", import.meta.url))));

export const WebSocket = over(globalThis);
export { over };
