// Runs the tests of a page in each context: in the window, and in the workers that the window starts from the same script.
// An entry is bundled as one classic script, together with what it tests, so that a service worker can load it.

const script = globalThis.document?.currentScript.src;

const CONTEXTS = {
  window: (here, testsHere) => run(testsHere(here), show),
  dedicated: ({ server }) => ask("dedicated", new Worker(script), server),
  shared: ({ server }) => {
    const target = new SharedWorker(script);
    return ask("shared", target.port, server, { target });
  },
  async service({ server }) {
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

/**
 * Runs tests in each context, and posts the results as the report of the page of this name.
 *
 * `testsHere` returns the tests of a context. It gets the host and port of the fault server as `server`. In the window, it also gets
 * the name of the engine and the URL of this script.
 */
export function runInEachContext(name, testsHere) {
  if (globalThis.document) {
    const { plain, engine } = JSON.parse(new URLSearchParams(location.search).get("server"));
    const all = { passed: 0, failed: [] };
    (async () => {
      for (const [context, start] of Object.entries(CONTEXTS)) {
        show(`the tests in the context "${context}"`);
        try {
          const { passed, failed } = await start({ server: plain, engine, script }, testsHere);
          all.passed += passed;
          all.failed.push(...failed.map((text) => `${context}: ${text}`));
        } catch (error) {
          all.failed.push(`${context}: ${error}`);
        }
      }
      await fetch(`http://${plain}/control/report?name=${name}-${engine}`, { method: "POST", body: JSON.stringify(all) });
    })();
  } else {
    globalThis.addEventListener("connect", ({ ports: [port] }) => {
      port.onmessage = ({ data }) => answer(data, port, testsHere);
    });
    globalThis.addEventListener("message", (event) => {
      const answered = answer(event.data, event.ports[0] ?? globalThis, testsHere);
      event.waitUntil?.(answered);
    });
  }
}

/** Runs the tests one after the other. Calls `starts` with the name of each before it runs. */
async function run(tests, starts) {
  const failed = [];
  let passed = 0;
  for (const [name, act] of tests) {
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
async function answer(server, port, testsHere) {
  const post = (kind, value) => port.postMessage([kind, value]);
  const lock = crypto.randomUUID();
  navigator.locks?.request(lock, () => {
    post("holds", lock);
    return new Promise(() => {});
  });
  try {
    post("found", await run(testsHere({ server }), (name) => post("starts", name)));
  } catch (error) {
    post("error", String(error?.stack ?? error));
  }
}
