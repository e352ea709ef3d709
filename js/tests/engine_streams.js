// The tests of streams in an engine, over the engine's own where it has some. They have a page of their own, because a tab or a
// worker of Chromium 156 can crash at a garbage collection after its own streams were used.

import * as stream from "../stream.js";
import { runInEachContext } from "./contexts.js";
import * as streams from "./streams.js";

const hasStreams = globalThis.WebSocketStream !== undefined;

runInEachContext("streams", ({ server, script }) => [
  // The platform's own class must pass, too. It is tested in the window only, because each use makes a crash more likely.
  hasStreams && script ? streams.tests("the platform's streams", globalThis, server, { isOurs: false }) : [],
  streams.tests("streams", stream, server),
].flat());
