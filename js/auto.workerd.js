// The entry that replaces the global WebSocket in workerd.

import { replaceGlobal } from "./replace_global.js";
import { WebSocket } from "./index.workerd.js";

replaceGlobal(WebSocket);
