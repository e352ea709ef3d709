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

/** Runs the tests. Calls `starts` with the name of each before it runs. */
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
    // In the window only: Chromium 156 can crash after its own streams were used.
    hasStreams && globalThis.document ? streams.tests("the platform's streams", globalThis, server, { isOurs: false }) : [],
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
const late = (name) => new Promise((_, reject) => setTimeout(() => reject(new Error(`${name} timed out`)), 60_000));

/** Shows what runs in the title, which `cargo xtask test` reads while it waits for the report. */
const show = (title) => { document.title = title; };

/** Runs the tests in a worker. If the worker crashes, which fires no event, the title begins with "lost: ". */
function ask(context, port, server, { target = port, send = () => port.postMessage(server) } = {}) {
  const watch = new AbortController();
  let title = context;
  const answered = new Promise((resolve, reject) => {
    const takers = {
      starts: (name) => show(title = `${context}: ${name}`),
      // The worker holds this lock for as long as it lives.
      holds: (lock) => {
        navigator.locks.request(lock, { signal: watch.signal }, () => show(`lost: ${title}`)).catch(() => {});
      },
      found: resolve,
      error: (text) => reject(new Error(text)),
    };
    port.onmessage = ({ data: [kind, value] }) => takers[kind](value);
    target.onerror = (event) => reject(new Error(event.message ?? event.type));
    send();
  });
  return answered.finally(() => {
    watch.abort();
    port.onmessage = target.onerror = null;
  });
}

/** The worker's side: runs the tests, and posts what runs and what was found. */
async function answer(server, port) {
  const post = (kind, value) => port.postMessage([kind, value]);
  const lock = crypto.randomUUID();
  navigator.locks?.request(lock, () => {
    post("holds", lock);
    return new Promise(() => {});
  });
  try {
    post("found", await run(server, (name) => post("starts", name)));
  } catch (error) {
    post("error", String(error?.stack ?? error));
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
