// The entry that replaces the global WebSocket, for all scripts that run after it.

import { WebSocket } from "./sync.js";

// Without a platform class there is nothing to wrap, and feature detection must fail.
if (typeof globalThis.WebSocket === "function") {
  Object.defineProperty(globalThis, "WebSocket", { value: WebSocket, writable: true, configurable: true, enumerable: false });
}
