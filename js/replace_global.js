// Replaces the global WebSocket.

/** Sets the global WebSocket. Without a platform class there is nothing to wrap, and feature detection must fail. */
export function replaceGlobal(WebSocket) {
  if (typeof globalThis.WebSocket !== "function") return;
  Object.defineProperty(globalThis, "WebSocket", { value: WebSocket, writable: true, configurable: true, enumerable: false });
}
