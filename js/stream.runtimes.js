// The entry for bundles for Node, Deno and Bun with WebSocketStream.

import { over as classOver, WebSocket } from "./index.runtimes.js";
import { answeredClose } from "./stream/deno.js";
import { streams } from "./stream/streams.js";

export const { WebSocketStream, WebSocketError, over } = streams(classOver, WebSocket, answeredClose);
