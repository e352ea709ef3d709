// The entry for bundles for Node, Deno and Bun that replaces the global WebSocket.

import { replaceGlobal } from "./replace_global.js";
import { WebSocket } from "./index.runtimes.js";

replaceGlobal(WebSocket);
