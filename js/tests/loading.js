// Loading the package as it is published: beside its WebAssembly, by a bundler, as a module and as a classic script.

import { next, same } from "./assert.js";

/** The tests, for a window; `site` is where the package and the bundled program are served. */
export function tests(site, server) {
  const list = [];
  const test = (name, act) => list.push([`loading: ${name}`, act]);
  const entry = (name) => new URL(`package/dist/${name}`, site).href;
  const url = `ws://${server}/ws?id=loading&do=close:3000`;
  const codeOf = async (WebSocket) => (await next(new WebSocket(url), "close")).code;

  for (const name of ["index.js", "sync.js"]) {
    test(`${name} is a module that needs no bundler, and replaces nothing`, async () => {
      const before = globalThis.WebSocket;
      const { WebSocket } = await import(entry(name));
      same([WebSocket.name, WebSocket === before, globalThis.WebSocket === before], ["WebSocket", false, true]);
      same(await codeOf(WebSocket), 3000);
    });
  }

  const told = `onclose = ({ code }) => postMessage([String(WebSocket).includes("[native code]"), WebSocket.name, code]);`;
  const scripts = {
    "auto.js": [`import ${JSON.stringify(entry("auto.js"))};\nnew WebSocket(${JSON.stringify(url)}).${told}`, "module"],
    "auto.classic.js": [`importScripts(${JSON.stringify(entry("auto.classic.js"))});\nnew WebSocket(${JSON.stringify(url)}).${told}`],
  };
  for (const [name, [text, type = "classic"]] of Object.entries(scripts)) {
    test(`${name} takes the place of a worker's WebSocket`, async () => {
      const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      const worker = new Worker(address, { type });
      const { data } = await Promise.race([next(worker, "message"), next(worker, "error")]);
      worker.terminate();
      URL.revokeObjectURL(address);
      same(data, [false, "WebSocket", 3000]);
    });
  }

  test("sync.classic.js gives a page one global, and auto.classic.js another class", async () => {
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
    await load("sync.classic.js");
    same([Object.keys(page.samesocket).sort(), page.WebSocket === before], [["WebSocket", "over"], true]);
    same(await codeOf(page.samesocket.WebSocket), 3000);
    await load("auto.classic.js");
    const { writable, configurable, enumerable } = Object.getOwnPropertyDescriptor(page, "WebSocket");
    same([page.WebSocket === before, writable, configurable, enumerable], [false, true, true, false]);
    same(await codeOf(page.WebSocket), 3000);
    frame.remove();
  });

  test("a bundler finds the WebAssembly", async () => {
    const frame = document.createElement("iframe");
    frame.src = new URL(`bundled/index.html?url=${encodeURIComponent(url)}`, site);
    const message = next(globalThis, "message");
    document.body.append(frame);
    same((await message).data, [true, 3000]);
    frame.remove();
  });

  return list;
}
