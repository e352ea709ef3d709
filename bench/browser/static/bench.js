// Runs every client at every job, round by round, and posts the results.

import { StandIn } from "./stand-in.js";
import { path, sets } from "./jobs.js";
import { perform } from "./script.js";

const plan = JSON.parse(new URL(location).searchParams.get("plan"));
const platform = globalThis.WebSocket;

/** The approximate milliseconds of a sample of the reference. Arbitrary: many short samples say more than few long ones. */
const SAMPLE_TIME = 15;

/** The number of messages for which heap use is measured. */
const HEAP_MESSAGES = 1000;

const CLIENTS = {
  JavaScript: (job) => script(globalThis.WebSocket, job),
  "web-sys": rust,
  "web-sys (again)": rust,
  "web-sys (awaited)": rust,
  "samesocket (interface)": rust,
  "samesocket (futures)": rust,
  "samesocket (poll_in_event)": rust,
  "samesocket (js)": (job) => script(classes.get(globalThis.WebSocket), job),
  "gloo-net": rust,
  ws_stream_wasm: rust,
  "tokio-tungstenite-wasm": rust,
  ewebsock: rust,
  "websocket-web": rust,
};

let module;
/** The npm package's class, over the platform's class and over the stand-in. */
const classes = new Map();

async function script(WebSocket, job) {
  return { milliseconds: await perform(WebSocket, job), allocations: null };
}

async function rust(job, client) {
  const { work, url, text, size, warmup, count } = job;
  const outcome = await module.perform(client, work, url, text, size, warmup, count);
  const { milliseconds, allocations } = outcome;
  outcome.free();
  return { milliseconds, allocations };
}

/** The time limit of a sample, in milliseconds. */
const LIMIT = 60_000;

/** Rejects if the promise takes longer than the limit. */
function within(limit, promise) {
  let timer;
  const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error("exceeded its time limit")), limit)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The limits for a client that sends each binary message as a Blob. Blobs live in another process, which cannot keep up. */
const FEW_MESSAGES = 2000;
const FEW_BYTES = 32 << 20;
const MAKES_BLOBS = "gloo-net";

function share(client, { work, text, size }, count) {
  const makesBlobs = client === MAKES_BLOBS && !text && (work === "send" || work === "echo");
  return makesBlobs ? Math.min(count, FEW_MESSAGES, FEW_BYTES / size) : count;
}

/** A client that takes this many times the time of a sample gets fewer messages. */
const SLOW = 4;

/** Returns the number of messages of each client, from the times of the first round. */
function shares(job, reference, counts, outcomes) {
  if (job.fixed) return counts;
  const each = (client) => outcomes.get(client).milliseconds / counts.get(client);
  // The first calibration ran before the code was compiled, so its count may be far off.
  const count = Math.max(8, Math.min(job.most, Math.ceil(SAMPLE_TIME / each(reference))));
  const affordable = (client) => Math.max(8, Math.ceil((SLOW * SAMPLE_TIME) / each(client)));
  return new Map([...counts.keys()].map((client) => [client, share(client, job, Math.min(count, affordable(client)))]));
}

/** Returns the clients in a pseudo-random order, so that none always runs after the same one. Each run has the same orders. */
function shuffled(clients, random) {
  const order = [...clients];
  for (let left = order.length; left > 1; left -= 1) {
    const place = random() % left;
    [order[left - 1], order[place]] = [order[place], order[left - 1]];
  }
  return order;
}

/** Returns Marsaglia's 32-bit xorshift generator. */
function generator(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}

/** Runs a client at a job once. */
function runClient(client, job, count) {
  const warmup = job.fixed ? 0 : Math.max(2, Math.floor(count / 10));
  const url = `ws://127.0.0.1:${plan.port}${path(job, warmup, count)}`;
  return CLIENTS[client]({ ...job, url, warmup, count }, client);
}

/** Finds the number of messages for which a client takes the time of a sample. */
async function calibrate(client, job) {
  if (job.fixed) return job.fixed;
  let count = Math.min(job.most, 8);
  for (;;) {
    const { milliseconds } = await runClient(client, job, count);
    if (milliseconds >= SAMPLE_TIME / 2 || count === job.most) return count;
    count = Math.min(job.most, milliseconds < SAMPLE_TIME / 20 ? count * 10 : Math.ceil((count * SAMPLE_TIME) / milliseconds));
  }
}

/** Returns the bytes of heap for each message, where the engine reports them exactly. */
async function heapPerMessage(client, job) {
  if (!globalThis.gc || !performance.memory || job.size > 64) return null;
  globalThis.gc();
  const before = performance.memory.usedJSHeapSize;
  await runClient(client, job, HEAP_MESSAGES);
  const bytes = performance.memory.usedJSHeapSize - before;
  // The garbage collector may have run in between.
  return bytes > 0 ? bytes / (HEAP_MESSAGES * 1.1) : null;
}

async function runSet(name, jobs) {
  const clients = Object.keys(CLIENTS).filter((client) => !plan.clients.length || plan.clients.includes(client));
  const series = [];
  for (const job of jobs.filter(({ name }) => !plan.jobs.length || plan.jobs.includes(name))) {
    // In the page, raw JavaScript copies nothing and takes almost no time.
    const reference = name === "page" ? "web-sys" : "JavaScript";
    const count = await calibrate(reference, job);
    const random = generator(job.size + job.name.length);
    let counts = new Map([reference, ...clients].map((client) => [client, share(client, job, count)]));
    const samples = new Map(clients.map((client) => [client, []]));
    // The first round lets the engine compile, and finds the number of messages for a sample.
    for (let round = -1; round < plan.rounds; round += 1) {
      const outcomes = new Map();
      for (const client of shuffled(round < 0 ? counts.keys() : clients, random)) {
        // Collect one client's garbage before the next one runs.
        globalThis.gc?.();
        try {
          outcomes.set(client, await within(LIMIT, runClient(client, job, counts.get(client))));
        } catch (error) {
          throw new Error(`${client} at ${name} ${job.name}: ${error.message ?? error}`);
        }
        const heap = round >= 0 && name === "page" ? await heapPerMessage(client, job) : null;
        const { milliseconds, allocations } = outcomes.get(client);
        const each = (sum) => (sum === null ? null : sum / counts.get(client));
        if (round >= 0) samples.get(client).push({ micros: 1000 * each(milliseconds), allocations: each(allocations), heap });
      }
      if (round < 0) counts = shares(job, reference, counts, outcomes);
    }
    for (const client of clients) series.push({ job: job.name, client, count: counts.get(client), samples: samples.get(client) });
    await post(`${plan.report}-progress`, `${name} ${job.name}`);
  }
  return { set: name, series };
}

/** Runs a function with the stand-in in place of the platform's class. */
async function withStandIn(run) {
  const stream = Object.getOwnPropertyDescriptor(globalThis, "WebSocketStream");
  delete globalThis.WebSocketStream;
  globalThis.WebSocket = StandIn;
  try {
    return await run();
  } finally {
    globalThis.WebSocket = platform;
    if (stream) Object.defineProperty(globalThis, "WebSocketStream", stream);
  }
}

function post(name, text) {
  return fetch(`/control/report?name=${name}`, { method: "POST", body: text });
}

try {
  module = await import("./samesocket-bench-browser.js");
  await module.default();
  const { over } = await import("./package/dist/index.js");
  classes.set(platform, over(globalThis));
  classes.set(StandIn, over({ WebSocket: StandIn }));
  const { socket, page } = sets(plan.quick);
  const results = [await runSet("socket", socket), await withStandIn(() => runSet("page", page))];
  await post(plan.report, JSON.stringify({ agent: navigator.userAgent, sets: results }));
} catch (error) {
  await post(plan.report, JSON.stringify({ error: `${error.message ?? error}\n${error.stack ?? ""}` }));
}
