// What is left of sockets that are gone, and which are kept: with the engine's own switch for collecting garbage.

import { memory } from "../load.js";
import { next, same } from "./assert.js";

const SOCKETS = 10_000;
/** How many are open at a time: for each that connects, Chromium holds back the next one twice as long. */
const BATCH = 8;
/** After how many batches garbage is collected. */
const COLLECT_EVERY = 50;

/** The engine's switch, if whoever has started the engine lets pages have it. */
export const gc = globalThis.gc ?? globalThis.TestUtils?.gc;

/** The tests; `Platform` is the class underneath. */
export function tests(WebSocket, Platform, server) {
  const list = [];
  const test = (name, act) => list.push([`life time: ${name}`, act]);
  const run = `lifetime-${Date.now()}-${Math.random()}`;
  const url = (id, query) => `ws://${server}/ws?id=${run}-${id}&${query}`;
  const ask = async (query) => (await fetch(`http://${server}/control/${query}`)).text();

  /** Collects, and lets the registries hear of it, until nothing more comes of it. */
  async function collect() {
    for (let round = 0; round < 3; round += 1) {
      await gc();
      await next(new Platform(url("settle", "do=close:1000")), "close");
    }
  }

  test(`${SOCKETS} sockets leave the memory and the tables as they were`, async () => {
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
    // What the sockets between two collections take is taken once; more of them have to be enough for fewer.
    for (let made = 0; made < 2 * COLLECT_EVERY; made += 1) await batch();
    await collect();
    const before = [memory.bytes(), memory.references()];
    await batches(SOCKETS);
    same([memory.bytes(), memory.references()], before);
  });

  test("a socket with a listener for messages is kept, though nothing refers to it", async () => {
    let hear;
    const heard = new Promise((resolve) => (hear = resolve));
    await (async () => {
      const socket = new WebSocket(url("kept", "do=gate:go,text:late,close:1000"));
      socket.addEventListener("message", ({ data }) => hear(data));
      await next(socket, "open");
    })();
    await collect();
    await ask(`release?id=${run}-kept&gate=go`);
    same(await heard, "late");
  });

  test("an abandoned socket lives as long as one of the platform's", async () => {
    const abandon = async (Class, id) => {
      new Class(url(id, ""));
      await ask(`record?id=${run}-${id}&until=handshake`);
    };
    await abandon(WebSocket, "ours");
    await abandon(Platform, "theirs");
    await collect();
    same(await ask(`live?prefix=${run}-ours`), await ask(`live?prefix=${run}-theirs`));
  });

  return list;
}
