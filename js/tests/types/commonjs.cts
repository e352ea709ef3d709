// CommonJS gets the same types.

import samesocket = require("samesocket");
require("samesocket/auto");

declare function require(name: "samesocket/auto"): unknown;

export const socket: globalThis.WebSocket = new samesocket.WebSocket("/feed");
export const Class: typeof globalThis.WebSocket = samesocket.over(globalThis);
