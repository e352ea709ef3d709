// Memory after sockets are gone, and the sockets that are kept. It needs the engine's garbage collection switch.

import { memory } from "../load.js";
import { next, same } from "./assert.js";

/** Chromium waits 10 ms after each handshake before it starts the next one with the same address. */
const SOCKETS = globalThis.chrome ? 2_000 : 10_000;
/** The number of open sockets at a time. For each that connects, Chromium doubles the delay of the next one. */
const BATCH = 8;
/** The number of batches between two garbage collections. */
const COLLECT_EVERY = 50;

/** The engine's garbage collection function, if the engine was started with it. */
export const gc = globalThis.gc ?? globalThis.TestUtils?.gc;

/** Returns the tests. `Platform` is the platform's class. */
export function tests(WebSocket, Platform, server) {
  const list = [];
  const test = (name, act) => list.push([`lifetime: ${name}`, act]);
  const run = `lifetime-${Date.now()}-${Math.random()}`;
  const url = (id, query) => `ws://${server}/ws?id=${run}-${id}&${query}`;
  const ask = async (query) => (await fetch(`http://${server}/control/${query}`)).text();

  /** Collects garbage several times, with tasks in between that let finalization registries run. */
  async function collect() {
    if (!gc) throw new Error("the engine was started without the switch for its garbage collector");
    for (let round = 0; round < 3; round += 1) {
      await gc();
      await next(new Platform(url("settle", "do=close:1000")), "close");
    }
  }

  test(`${SOCKETS} sockets leave no memory and no table entries`, async () => {
    const batch = async () => {
      const sockets = Array.from({ length: BATCH }, () => new WebSocket(url("many", "do=text:a,close:1000"), ["a", "b"]));
      for (const socket of sockets) socket.onmessage = () => {};
      await Promise.all(sockets.map((socket) => next(socket, "close")));
      for (const socket of sockets) same([socket.readyState, socket.protocol], [3, "a"]);
    };
    const batches = async (count) => {
      for (let made = 0; made < count; made += BATCH) {
        await batch();
        if ((made / BATCH) % COLLECT_EVERY === COLLECT_EVERY - 1) await collect();
      }
    };
    // The memory for the sockets between two collections is allocated once. Twice as many make sure that it suffices.
    for (let made = 0; made < 2 * COLLECT_EVERY; made += 1) await batch();
    await collect();
    const before = [memory.bytes(), memory.references()];
    await batches(SOCKETS);
    same([memory.bytes(), memory.references()], before);
  });

  test("unreferenced socket with a message listener is kept", async () => {
    let receive;
    const received = new Promise((resolve) => (receive = resolve));
    await (async () => {
      const socket = new WebSocket(url("kept", "do=gate:go,text:late,close:1000"));
      socket.addEventListener("message", ({ data }) => receive(data));
      await next(socket, "open");
    })();
    await collect();
    await ask(`release?id=${run}-kept&gate=go`);
    same(await received, "late");
  });

  test("unreferenced socket lives as long as the platform's", async () => {
    const openAndDrop = async (Class, id) => {
      new Class(url(id, ""));
      await ask(`record?id=${run}-${id}&until=handshake`);
    };
    await openAndDrop(WebSocket, "ours");
    await openAndDrop(Platform, "theirs");
    await collect();
    same(await ask(`live?prefix=${run}-ours`), await ask(`live?prefix=${run}-theirs`));
  });

  return list;
}
