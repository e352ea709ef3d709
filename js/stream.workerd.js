// The entry for WebSocketStream in workerd.

import { over as classOver, WebSocket } from "./index.workerd.js";
import { streams } from "./stream/streams.js";

export const { WebSocketStream, WebSocketError, over } = streams(classOver, WebSocket);
