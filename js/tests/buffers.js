// Sending memory of all kinds: detached, resizable and shared.

import { next, same, throws } from "./assert.js";

const detach = (buffer) => (structuredClone(buffer, { transfer: [buffer] }), buffer);
const detachUnder = (view) => (detach(view.buffer), view);
const bytes = () => new Uint8Array([1, 2, 3, 4]).buffer;
const resizable = (length = 4) => new ArrayBuffer(length, { maxByteLength: 8 });
/** Shrinks the buffer below the start of a view. */
const outOfBounds = (view) => (view.buffer.resize(1), view);
/** Shared memory, which WebAssembly has without cross-origin isolation, too. */
const shared = () => new WebAssembly.Memory({ shared: true, initial: 1, maximum: 1 }).buffer;

/** Values that are sent as empty messages. */
const EMPTY = {
  "detached buffer": () => detach(bytes()),
  "detached typed array": () => detachUnder(new Uint8Array(bytes(), 1)),
  "detached data view": () => detachUnder(new DataView(bytes(), 1, 2)),
  "detached BigInt array": () => detachUnder(new BigInt64Array(2)),
  "empty buffer": () => new ArrayBuffer(0),
  "empty view": () => new Float64Array(bytes(), 0, 0),
};

/** Values that are not sent. */
const INVALID = {
  "resizable buffer": () => resizable(),
  "view that tracks the length": () => new Uint8Array(resizable()),
  "data view that tracks the length": () => new DataView(resizable()),
  "view of fixed length on a resizable buffer": () => new Uint8Array(resizable(), 1, 2),
  "view out of bounds": () => outOfBounds(new Uint8Array(resizable(), 2, 2)),
  "data view out of bounds": () => outOfBounds(new DataView(resizable(), 2, 2)),
  "shared buffer": shared,
  "view on shared memory": () => new Uint8Array(shared(), 0, 3),
  "data view on shared memory": () => new DataView(shared(), 0, 3),
};

/** Values that are not sent, but that Chromium's class sends as empty messages. */
const INVALID_IN_WEB_IDL = {
  "detached resizable buffer": () => detach(resizable()),
  "view on a detached resizable buffer": () => detachUnder(new Uint8Array(resizable())),
};

/** Returns the tests. `isOurs` is false for an engine's class. */
export function tests(name, WebSocket, server, isOurs = true) {
  const list = [];
  let count = 0;
  const run = `buffers-${Date.now()}-${Math.random()}`;
  const test = (title, act) => list.push([`buffers of ${name}: ${title}`, act]);
  /** Opens a socket to an echo server and logs its events. */
  const open = async (log = []) => {
    const socket = new WebSocket(`ws://${server}/ws?id=${run}-${count++}`);
    socket.binaryType = "arraybuffer";
    socket.onerror = () => log.push("error");
    socket.onclose = ({ code }) => log.push(`close ${code}`);
    socket.onmessage = ({ data }) => log.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
    await next(socket, "open");
    return socket;
  };
  /** Waits until the server has echoed everything, and closes. */
  const finish = async (socket) => {
    const last = new Promise((resolve) => socket.addEventListener("message", ({ data }) => data === "end" && resolve()));
    socket.send("end");
    await last;
    socket.close(3000);
    await next(socket, "close");
  };
  const invalid = Object.entries({ ...INVALID, ...(isOurs ? INVALID_IN_WEB_IDL : {}) });

  for (const [kind, make] of Object.entries(EMPTY)) {
    test(`${kind} is sent as an empty message`, async () => {
      const log = [];
      const socket = await open(log);
      socket.send(make());
      await finish(socket);
      same(log, [[], "end", "close 3000"]);
    });
  }

  test("resizable and shared memory throws and changes nothing", async () => {
    const log = [];
    const socket = await open(log);
    for (const [kind, make] of invalid) throws("TypeError", () => socket.send(make()), kind);
    same([socket.readyState, socket.bufferedAmount], [1, 0]);
    await finish(socket);
    same(log, ["end", "close 3000"]);
  });

  test("memory is converted in the same way after close", async () => {
    const socket = await open();
    socket.close();
    const before = socket.bufferedAmount;
    for (const make of Object.values(EMPTY)) socket.send(make());
    for (const [kind, make] of invalid) throws("TypeError", () => socket.send(make()), kind);
    // WebKit counts the header of each frame.
    if (isOurs) same(socket.bufferedAmount, before);
    await next(socket, "close");
  });

  test("memory detached or changed after send is sent as it was", async () => {
    const log = [];
    const socket = await open(log);
    const [detached, changed] = [new Uint8Array(bytes(), 1), new Uint8Array(bytes())];
    socket.send(detached);
    detach(detached.buffer);
    socket.send(changed);
    changed.fill(9);
    await finish(socket);
    same(log, [[2, 3, 4], [1, 2, 3, 4], "end", "close 3000"]);
    if (isOurs) same(socket.bufferedAmount, 0);
  });

  return list;
}
