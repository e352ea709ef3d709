// The main entry for Node, Deno and Bun. Unlike the one for pages, it levels the deviations of runtimes outside browsers.

import { frequent, text } from "./embedded.js";
import { decode } from "./embedding.js";
import { load } from "./load.js";
import { level } from "./runtimes.js";
import { separateEvents } from "./separate_events.js";
import { over as overPlatform } from "./websocket.js";

load(new WebAssembly.Module(decode(frequent, text)));

/** Creates the class over the platform of `host`. */
export function over(host) {
  return overPlatform(host, (platform) => {
    level(platform);
    separateEvents(platform);
  });
}

export const WebSocket = over(globalThis);
