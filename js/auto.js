// The entry that replaces the global WebSocket, for all scripts that run after it.

import { replaceGlobal } from "./replace_global.js";
import { WebSocket } from "./index.js";

replaceGlobal(WebSocket);
