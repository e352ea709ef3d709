// The entry for `import` in Node and compatible runtimes that replaces the global WebSocket.

import "./auto.cjs";
