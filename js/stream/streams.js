// WebSocketStream, over the platform's own or over the WebSocket class.

import { errorOver } from "./error.js";
import { pullingSocket } from "./pulling_socket.js";
import { streamOver } from "./stream.js";

const Platform = globalThis.WebSocketStream;

/** Creates the exports of an entry, over the exports of its main entry. For `answeredClose`, see `pullingSocket`. */
export function streams(classOver, WebSocket, answeredClose) {
  // This class checks its arguments and connects to nothing.
  const Unconnected = classOver({ WebSocket: class extends EventTarget { close() {} } });
  const errors = errorOver(Unconnected);
  const create = (connect) => streamOver(connect, Unconnected, errors);
  const overClass = (Class) => create((url, protocols) => ({ socket: new Class(url, protocols) }));
  return {
    WebSocketStream: typeof Platform === "function" ? create(pullingSocket(Platform, classOver, answeredClose)) : overClass(WebSocket),
    WebSocketError: errors.WebSocketError,
    over: (host) => overClass(classOver(host)),
  };
}
