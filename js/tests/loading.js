// Loading the published package: as a module, as a classic script, and by a bundler.

import { next, same } from "./assert.js";

/** Returns the tests for a window. `site` is the URL of the package and of the bundled program. */
export function tests(site, server) {
  const list = [];
  const test = (name, act) => list.push([`loading: ${name}`, act]);
  const entry = (name) => new URL(`package/dist/${name}`, site).href;
  const url = `ws://${server}/ws?id=loading&do=close:3000`;
  const codeOf = async (WebSocket) => (await next(new WebSocket(url), "close")).code;

  for (const name of ["index.js", "fetch.js"]) {
    test(`${name} loads without a bundler and keeps the global`, async () => {
      const before = globalThis.WebSocket;
      const { WebSocket } = await import(entry(name));
      same([WebSocket.name, WebSocket === before, globalThis.WebSocket === before], ["WebSocket", false, true]);
      same(await codeOf(WebSocket), 3000);
    });
  }

  /** Starts a worker of each kind and returns its answer. */
  const workers = {
    dedicated: (script, type) => ask(new Worker(script, { type })),
    shared: (script, type) => {
      const worker = new SharedWorker(script, { type });
      return ask(worker.port, worker);
    },
    async service(script, type) {
      const registration = await navigator.serviceWorker.register(script, { scope: `${script}/${type}/`, type });
      const worker = registration.installing ?? registration.waiting ?? registration.active;
      const { port1, port2 } = new MessageChannel();
      port1.start();
      worker.postMessage(url, [port2]);
      const { data } = await next(port1, "message");
      await registration.unregister();
      return data;
    },
  };
  const ask = async (port, worker = port) => {
    port.start?.();
    port.postMessage(url);
    const { data, message } = await Promise.race([next(port, "message"), next(worker, "error")]);
    worker.terminate?.();
    if (message) throw new Error(message);
    return data;
  };
  for (const [kind, run] of Object.entries(workers)) {
    for (const type of ["classic", "module"]) {
      const script = new URL(`auto/${type}.js`, site).href;
      test(`auto as a ${type} script replaces the global in a ${kind} worker`, async () => {
        same(await run(script, type), [false, "WebSocket", 3000]);
      });
    }
  }

  test("classic scripts define one global or replace the class", async () => {
    const frame = document.createElement("iframe");
    document.body.append(frame);
    const page = frame.contentWindow;
    const load = (name) => {
      const script = page.document.createElement("script");
      script.src = entry(name);
      page.document.head.append(script);
      return next(script, "load");
    };
    const before = page.WebSocket;
    await load("classic.js");
    same([Object.keys(page.samesocket).sort(), page.WebSocket === before], [["WebSocket", "over"], true]);
    same(await codeOf(page.samesocket.WebSocket), 3000);
    await load("auto.classic.js");
    const { writable, configurable, enumerable } = Object.getOwnPropertyDescriptor(page, "WebSocket");
    same([page.WebSocket === before, writable, configurable, enumerable], [false, true, true, false]);
    same(await codeOf(page.WebSocket), 3000);
    frame.remove();
  });

  test("bundler finds the WebAssembly", async () => {
    const frame = document.createElement("iframe");
    frame.src = new URL(`bundled/index.html?url=${encodeURIComponent(url)}`, site);
    const message = next(globalThis, "message");
    document.body.append(frame);
    same((await message).data, [true, 3000]);
    frame.remove();
  });

  return list;
}
