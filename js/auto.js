// The entry that puts the class in the place of the platform's, for all scripts that come after it.

import { WebSocket } from "./sync.js";

// Where there is no class to put it over, what looks for one is not to find one.
if (typeof globalThis.WebSocket === "function") {
  Object.defineProperty(globalThis, "WebSocket", { value: WebSocket, writable: true, configurable: true, enumerable: false });
}
