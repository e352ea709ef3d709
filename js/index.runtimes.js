// The main entry for Node, Deno and Bun. Unlike the one for pages, it levels the deviations of runtimes outside browsers.

import { frequent, text } from "./embedded.js";
import { decode } from "./embedding.js";
import { load } from "./load.js";
import { level } from "./runtimes.js";
import { over as overPlatform } from "./websocket.js";

load(new WebAssembly.Module(decode(frequent, text)));

export const over = (host) => overPlatform(host, level);
export const WebSocket = over(globalThis);
