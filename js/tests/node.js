// The tests in Node, over the classes of `undici` and of `ws`. `SAMESOCKET_SERVER` is the host and port of the fault server.

import { after, test } from "node:test";

import * as undici from "undici";
import reference from "webidl-conversions";
import * as ws from "ws";

import { over } from "../index.js";
import { separateEvents } from "../separate_events.js";
import * as stream from "../stream.js";
import { streams as streamsOver } from "../stream/streams.js";
import { NOWHERE } from "./assert.js";
import * as buffers from "./buffers.js";
import * as conversions from "./conversions.js";
import * as events from "./events.js";
import * as faults from "./faults.js";
import * as pulling from "./pulling.js";
import * as separation from "./separation.js";
import * as shape from "./shape.js";
import * as streams from "./streams.js";

const server = process.env.SAMESOCKET_SERVER;
if (!server) throw new Error("SAMESOCKET_SERVER must be the host and port of the fault server");
const WebSocket = over(undici);

// If the server chooses no subprotocol, undici fails the socket and leaves its connection open. It would keep the process
// alive, so the connections are recorded and destroyed.
const connections = new Set();
const connect = undici.buildConnector({});
const record = (done) => (error, connection) => {
  if (connection) connections.add(connection);
  done(error, connection);
};
undici.setGlobalDispatcher(new undici.Agent({ connect: (options, done) => connect(options, record(done)) }));
after(() => {
  for (const connection of connections) connection.destroy();
});

const renamed = (name, tests) => tests.map(([title, run]) => [`${title} (${name})`, run]);
const OverWs = over(ws);
/** As the entries for runtimes create the class. */
const overSeparated = (host) => over(host, separateEvents);
const separated = { "undici, separated": overSeparated(undici), "ws, separated": overSeparated(ws) };
const separatedStreams = streamsOver(overSeparated);
const lists = [
  shape.tests("samesocket", WebSocket, NOWHERE),
  shape.tests("samesocket over ws", OverWs, NOWHERE),
  conversions.tests(WebSocket, NOWHERE, reference),
  events.tests(WebSocket, server, false),
  renamed("ws", events.tests(OverWs, server, false)),
  buffers.tests("samesocket over undici", WebSocket, server),
  buffers.tests("samesocket over ws", OverWs, server),
  Object.entries(separated).flatMap(([name, Class]) => [
    ...renamed(name, events.tests(Class, server, false)),
    ...separation.tests(name, Class, server),
  ]),
  separation.testsOfFaults(),
  faults.tests(),
  pulling.tests(over, undici.CloseEvent),
  streams.tests("streams over undici", { ...stream, WebSocketStream: stream.over(undici) }, server),
  streams.tests("streams over ws", { ...stream, WebSocketStream: stream.over(ws) }, server),
  streams.tests("streams over ws, separated", { ...separatedStreams, WebSocketStream: separatedStreams.over(ws) }, server),
];
for (const [name, run] of lists.flat()) test(name, { timeout: 30_000 }, run);
