// The entry for WebSocketStream, which shares the class with the main entry.

import { over as classOver, WebSocket } from "./index.js";
import { streams } from "./stream/streams.js";

export const { WebSocketStream, WebSocketError, over } = streams(classOver, WebSocket);
