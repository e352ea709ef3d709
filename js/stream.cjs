// The entry for `require` with WebSocketStream.

const { over: classOver, WebSocket } = require("./index.cjs");
const { answeredClose } = require("./stream/deno.js");
const { streams } = require("./stream/streams.js");

const { WebSocketStream, WebSocketError, over } = streams(classOver, WebSocket, answeredClose);
module.exports = { WebSocketStream, WebSocketError, over };
