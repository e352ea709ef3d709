// The main entry for workerd, which compiles WebAssembly only when it loads the program.

import { readBlobs } from "./blobs.js";
import { HandlerReads } from "./handler_reads.js";
import { load } from "./load.js";
import { level } from "./runtimes.js";
import rules from "./samesocket.wasm";
import { over as overPlatform } from "./websocket.js";

load(rules);

/** Creates the class over the platform of `host`, without workerd's own calls of event handlers, and with blobs. */
export function over(host) {
  const reads = new HandlerReads();
  const change = (platform) => {
    readBlobs(platform);
    level(platform);
    reads.skipIn(platform);
  };
  return reads.skipBy(overPlatform(host, change, true));
}

export const WebSocket = over(globalThis);
