// Has every client do every job, in turn, round by round, and posts what came of it.

import { NativeLooking, StandIn } from "./stand-in.js";
import { path, sets } from "./jobs.js";
import { perform } from "./script.js";

const plan = JSON.parse(new URL(location).searchParams.get("plan"));
const platform = globalThis.WebSocket;

/** How long raw JavaScript, or in the page `web-sys`, takes for one turn, about, in milliseconds: many short ones tell more. */
const TURN = 15;

/** For how many messages the memory is looked at. */
const WEIGHED = 1000;

const CLIENTS = {
  JavaScript: (job) => script(globalThis.WebSocket, job),
  "web-sys": rust,
  "web-sys (awaited)": rust,
  "samesocket (interface)": rust,
  "samesocket (futures)": rust,
  "samesocket (promptly)": rust,
  "samesocket (js)": (job) => script(classes.get(globalThis.WebSocket), job),
  "gloo-net": rust,
  ws_stream_wasm: rust,
  "tokio-tungstenite-wasm": rust,
  ewebsock: rust,
  "websocket-web": rust,
};

let module;
/** The npm package's class, over the platform's and over what stands in for it. */
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

/** How long a turn may take, in milliseconds. */
const LIMIT = 60_000;

/** Fails if something takes longer. */
function within(limit, promise) {
  let timer;
  const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error("it takes too long")), limit)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What a client gets that makes a blob of each message that it sends: blobs live in another process, which drowns. */
const FEW_MESSAGES = 2000;
const FEW_BYTES = 32 << 20;
const MAKES_BLOBS = "gloo-net";

function share(client, { work, text, size }, count) {
  const makesBlobs = client === MAKES_BLOBS && !text && (work === "send" || work === "echo");
  return makesBlobs ? Math.min(count, FEW_MESSAGES, FEW_BYTES / size) : count;
}

/** A client that takes this many turns' time for the messages of one is given fewer. */
const SLOW = 4;

/** How many messages each client gets, after a round in which they took so long. */
function shares(job, reference, counts, outcomes) {
  if (job.fixed) return counts;
  const each = (client) => outcomes.get(client).milliseconds / counts.get(client);
  // Found when nothing was compiled yet, the number may be far from that of a turn.
  const count = Math.max(8, Math.min(job.most, Math.ceil(TURN / each(reference))));
  const bearable = (client) => Math.max(8, Math.ceil((SLOW * TURN) / each(client)));
  return new Map([...counts.keys()].map((client) => [client, share(client, job, Math.min(count, bearable(client)))]));
}

/** A random order that is the same in each run: nobody always comes after the same one. */
function shuffled(clients, random) {
  const order = [...clients];
  for (let left = order.length; left > 1; left -= 1) {
    const place = random() % left;
    [order[left - 1], order[place]] = [order[place], order[left - 1]];
  }
  return order;
}

/** Marsaglia's generator of 32 bits. */
function generator(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}

/** One turn of a client. */
function turn(client, job, count) {
  const warmup = job.fixed ? 0 : Math.max(2, Math.floor(count / 10));
  const url = `ws://127.0.0.1:${plan.port}${path(job, warmup, count)}`;
  return CLIENTS[client]({ ...job, url, warmup, count }, client);
}

/** Finds the number of messages for which a client takes as long as a turn is to take. */
async function calibrate(client, job) {
  if (job.fixed) return job.fixed;
  let count = Math.min(job.most, 8);
  for (;;) {
    const { milliseconds } = await turn(client, job, count);
    if (milliseconds >= TURN / 2 || count === job.most) return count;
    count = Math.min(job.most, milliseconds < TURN / 20 ? count * 10 : Math.ceil((count * TURN) / milliseconds));
  }
}

/** The bytes that a message costs on the engine's heap, where the engine tells it exactly. */
async function weigh(client, job) {
  if (!globalThis.gc || !performance.memory || job.size > 64) return null;
  globalThis.gc();
  const before = performance.memory.usedJSHeapSize;
  await turn(client, job, WEIGHED);
  const bytes = performance.memory.usedJSHeapSize - before;
  // The collector may have been there meanwhile.
  return bytes > 0 ? bytes / (WEIGHED * 1.1) : null;
}

async function runSet(name, jobs) {
  const clients = Object.keys(CLIENTS).filter((client) => !plan.clients.length || plan.clients.includes(client));
  const series = [];
  for (const job of jobs.filter(({ name }) => !plan.jobs.length || plan.jobs.includes(name))) {
    // In the page, raw JavaScript copies nothing, and would be done at once.
    const reference = name === "page" ? "web-sys" : "JavaScript";
    const count = await calibrate(reference, job);
    const random = generator(job.size + job.name.length);
    let counts = new Map([reference, ...clients].map((client) => [client, share(client, job, count)]));
    const samples = new Map(clients.map((client) => [client, []]));
    // The first round is for the compilers, and to find out how many messages make a turn.
    for (let round = -1; round < plan.rounds; round += 1) {
      const outcomes = new Map();
      for (const client of shuffled(round < 0 ? counts.keys() : clients, random)) {
        // What one client leaves behind is not for the next one to clear away.
        globalThis.gc?.();
        try {
          outcomes.set(client, await within(LIMIT, turn(client, job, counts.get(client))));
        } catch (error) {
          throw new Error(`${client} at ${name} ${job.name}: ${error.message ?? error}`);
        }
        const heap = round >= 0 && name === "page" ? await weigh(client, job) : null;
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

/** Runs something with another class in the place of the platform's. */
async function inPage(what) {
  const stream = Object.getOwnPropertyDescriptor(globalThis, "WebSocketStream");
  delete globalThis.WebSocketStream;
  globalThis.WebSocket = StandIn;
  try {
    return await what();
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
  const { over } = await import("./package/dist/sync.js");
  classes.set(platform, over(globalThis));
  classes.set(StandIn, over({ WebSocket: NativeLooking }));
  const { socket, page } = sets(plan.quick);
  const results = [await runSet("socket", socket), await inPage(() => runSet("page", page))];
  await post(plan.report, JSON.stringify({ agent: navigator.userAgent, sets: results }));
} catch (error) {
  await post(plan.report, JSON.stringify({ error: `${error.message ?? error}\n${error.stack ?? ""}` }));
}
