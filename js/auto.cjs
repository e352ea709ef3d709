// The entry for `require` that replaces the global WebSocket.

const { replaceGlobal } = require("./replace_global.js");
const { WebSocket } = require("./index.cjs");

replaceGlobal(WebSocket);
