// The globals of the conformance scripts in Node: the platform's class, here undici's, and our class over it.
// The variable `SAMESOCKET_SERVER` describes the fault server, as JSON.

import * as undici from "undici";

import { over } from "../node.js";

globalThis.WebSocket = undici.WebSocket;
globalThis.samesocket = { WebSocket: over(undici) };
globalThis.samesocketServer = process.env.SAMESOCKET_SERVER;
