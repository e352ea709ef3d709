// The tests in an engine: in a window, and in the workers that the window starts.
// It is bundled as one classic script, together with the class, so that a service worker can load it.

import { over, WebSocket } from "../index.js";
import * as stream from "../stream.js";
import { NOWHERE } from "./assert.js";
import * as buffers from "./buffers.js";
import * as conversions from "./conversions.js";
import * as events from "./events.js";
import * as faults from "./faults.js";
import * as lifetime from "./lifetime.js";
import * as loading from "./loading.js";
import * as shape from "./shape.js";
import * as streams from "./streams.js";

const Platform = globalThis.WebSocket;
const hasStreams = globalThis.WebSocketStream !== undefined;
const script = globalThis.document?.currentScript.src;

/** Runs the tests, and says before each what runs. */
async function run(server, starts, more = []) {
  const lists = [
    // The platform's own class must pass, too. That shows that the tests expect the right thing.
    shape.tests("the platform", Platform, NOWHERE, false),
    shape.tests("samesocket", WebSocket, NOWHERE),
    shape.tests("samesocket over samesocket", over({ WebSocket }), NOWHERE),
    conversions.tests(WebSocket, NOWHERE),
    events.tests(WebSocket, server, true),
    buffers.tests("the platform", Platform, server, false),
    buffers.tests("samesocket", WebSocket, server),
    faults.tests(),
    hasStreams ? streams.tests("the platform's streams", globalThis, server, { isOurs: false }) : [],
    streams.tests("streams", stream, server),
    streams.tests("streams over the class", { ...stream, WebSocketStream: stream.over(globalThis) }, server),
    more,
  ];
  const failed = [];
  let passed = 0;
  for (const [name, act] of lists.flat()) {
    starts(name);
    try {
      await Promise.race([act(), late(name)]);
      passed += 1;
    } catch (error) {
      failed.push(`${name}: ${error?.stack?.includes(error.message) ? error.stack : `${error}\n${error?.stack}`}`);
    }
  }
  return { passed, failed };
}

const CONTEXTS = {
  window: (server) => {
    // Not every engine can be started with a garbage collection switch.
    const lifetimes = lifetime.gc ? lifetime.tests(WebSocket, Platform, server) : [];
    return run(server, show, [...loading.tests(script, server), ...lifetimes]);
  },
  dedicated: (server) => ask("dedicated", new Worker(script), server),
  shared: (server) => {
    const target = new SharedWorker(script);
    return ask("shared", target.port, server, { target });
  },
  async service(server) {
    const scope = new URL("nothing/", script).href;
    const registration = await navigator.serviceWorker.register(script, { scope });
    try {
      const worker = registration.installing ?? registration.waiting ?? registration.active;
      const { port1, port2 } = new MessageChannel();
      return await ask("service", port1, server, { send: () => worker.postMessage(server, [port2]) });
    } finally {
      await registration.unregister();
    }
  },
};

/** Rejects after the time limit of a test. */
const late = (name) => new Promise((_, reject) => setTimeout(() => reject(new Error(`${name} timed out`)), 120_000));

/** Whoever waits for the report reads the title: it is the test that runs, or says that a worker is lost. */
const show = (title) => { document.title = title; };

/** A worker beats once a second. One that has not for this long has crashed, which no event says. */
const SILENCE = 30_000;

/** Runs the tests in a worker. */
function ask(context, port, server, { target = port, send = () => port.postMessage(server) } = {}) {
  return new Promise((resolve, reject) => {
    let title = context;
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => show(`lost: ${title}`), SILENCE);
    };
    port.onmessage = ({ data: { starts, found } }) => {
      heard();
      if (starts) show(title = `${context}: ${starts}`);
      if (!found) return;
      clearTimeout(silence);
      resolve(found);
    };
    target.onerror = (event) => {
      clearTimeout(silence);
      reject(new Error(event.message ?? event.type));
    };
    heard();
    send();
  });
}

/** The worker's side: runs the tests, and posts what runs, a beat every second and what was found. */
async function answer(server, port) {
  const beat = setInterval(() => port.postMessage({}), 1000);
  try {
    port.postMessage({ found: await run(server, (starts) => port.postMessage({ starts })) });
  } finally {
    clearInterval(beat);
  }
}

if (globalThis.document) {
  const params = new URLSearchParams(location.search);
  const { plain, engine } = JSON.parse(params.get("server"));
  const all = { passed: 0, failed: [] };
  (async () => {
    for (const [context, start] of Object.entries(CONTEXTS)) {
      show(`the tests in the context "${context}"`);
      try {
        const { passed, failed } = await start(plain);
        all.passed += passed;
        all.failed.push(...failed.map((text) => `${context}: ${text}`));
      } catch (error) {
        all.failed.push(`${context}: ${error}`);
      }
    }
    await fetch(`http://${plain}/control/report?name=class-${engine}`, { method: "POST", body: JSON.stringify(all) });
  })();
} else {
  globalThis.addEventListener("connect", ({ ports: [port] }) => {
    port.onmessage = ({ data }) => answer(data, port);
  });
  globalThis.addEventListener("message", (event) => {
    const answered = answer(event.data, event.ports[0] ?? globalThis);
    event.waitUntil?.(answered);
  });
}
