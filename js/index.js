// The main entry. The WebAssembly is embedded in it, so that every bundler and runtime can load it synchronously.

import { frequent, text } from "./embedded.js";
import { decode } from "./embedding.js";
import { load } from "./load.js";
import { over } from "./websocket.js";

load(new WebAssembly.Module(decode(frequent, text)));

export const WebSocket = over(globalThis);
export { over };
