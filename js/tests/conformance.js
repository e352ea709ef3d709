// What the conformance scripts find in Node: the platform's class, here undici's, and ours over it.
// `SAMESOCKET_SERVER` is the description of the fault server, as JSON.

import * as undici from "undici";

import { over } from "../node.js";

globalThis.WebSocket = undici.WebSocket;
globalThis.samesocket = { WebSocket: over(undici) };
globalThis.samesocketServer = process.env.SAMESOCKET_SERVER;
