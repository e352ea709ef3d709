// The tests of the class in an engine. Those of streams over the platform's are in `engine_streams.js`.

import { over, WebSocket } from "../index.js";
import * as stream from "../stream.js";
import { NOWHERE } from "./assert.js";
import * as buffers from "./buffers.js";
import { runInEachContext } from "./contexts.js";
import * as conversions from "./conversions.js";
import * as events from "./events.js";
import * as faults from "./faults.js";
import * as lifetime from "./lifetime.js";
import * as loading from "./loading.js";
import * as shape from "./shape.js";
import * as streams from "./streams.js";

const Platform = globalThis.WebSocket;

/** Returns the tests that run in a window only. */
function testsInWindow({ server, engine, script }) {
  // WebKit has no switch that exposes its garbage collector. In the other engines, the tests fail without it.
  const lifetimes = engine === "webkit" && !lifetime.gc ? [] : lifetime.tests(WebSocket, Platform, server);
  return [...loading.tests(script, server), ...lifetimes];
}

runInEachContext("class", ({ server, ...window }) => [
  // The platform's own class must pass, too. That shows that the tests expect the right thing.
  shape.tests("the platform", Platform, NOWHERE, false),
  shape.tests("samesocket", WebSocket, NOWHERE),
  shape.tests("samesocket over samesocket", over({ WebSocket }), NOWHERE),
  conversions.tests(WebSocket, NOWHERE),
  events.tests(WebSocket, server, true),
  buffers.tests("the platform", Platform, server, false),
  buffers.tests("samesocket", WebSocket, server),
  faults.tests(),
  streams.tests("streams over the class", { ...stream, WebSocketStream: stream.over(globalThis) }, server),
  window.script ? testsInWindow({ server, ...window }) : [],
].flat());
