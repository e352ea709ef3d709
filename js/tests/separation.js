// The separation of events that the platform fires in one call.

import { separateEvents } from "../separate_events.js";
import { next, same } from "./assert.js";
import { create, withMembers } from "./faults.js";

/** Returns the tests of a class. `server` is the address of the fault server. */
export function tests(name, WebSocket, server) {
  const list = [];
  const test = (title, act) => list.push([`separation over ${name}: ${title}`, act]);
  const connect = (query) => new WebSocket(`ws://${server}/ws?id=separation-${Math.random()}&${query}`);

  test("program that awaits one event at a time misses none", async () => {
    for (const query of ["do=text:1,text:2,text:3,close:1000", "status=403", "do=text:1,text:2,reset"]) {
      const socket = connect(query);
      const fired = [];
      const awaited = [];
      const types = ["open", "message", "error", "close"];
      for (const type of types) socket.addEventListener(type, () => fired.push(type));
      while (awaited.at(-1) !== "close") {
        const { type } = await Promise.race([...types.map((type) => next(socket, type)), closedBefore(socket)]);
        awaited.push(type);
      }
      same(awaited, fired, query);
    }
  });

  return list;
}

/** Returns a promise of an event for a socket whose `close` was missed. */
async function closedBefore(socket) {
  while (socket.readyState !== 3) await next(socket, "close");
  await new Promise((resolve) => setTimeout(resolve));
  return { type: "close" };
}

/** Returns the tests over a platform that does only what a test says. */
export function testsOfFaults() {
  const list = [];
  const test = (title, act) => list.push([`separation: ${title}`, act]);
  const start = (Class) => create(Class, [], separateEvents);

  test("microtasks run between events, and the state is that of the event", async () => {
    const { socket, fake, log } = start();
    for (const type of ["open", "message", "close"]) {
      socket.addEventListener(type, async () => {
        for (let hop = 0; hop < 9; hop += 1) await null;
        log.push(`later ${socket.readyState}`);
      });
    }
    const closed = next(socket, "close");
    fake.open();
    fake.receive("a");
    fake.receive("b");
    // As undici, which fires `close` only later.
    fake.readyState = 2;
    for (let tick = 0; tick < 9; tick += 1) await new Promise((resolve) => setTimeout(resolve));
    fake.end({ code: 1000, reason: "", wasClean: true });
    await closed;
    same(log, ["open 1", "later 1", "message a 1", "later 1", "message b 1", "later 1", "close 1000  true 3"]);
  });

  test("data sent while the end waits is counted and not sent", async () => {
    const { socket, fake } = start();
    const closed = next(socket, "close");
    socket.onmessage = ({ data }) => socket.send(data);
    fake.open();
    fake.receive("abc");
    fake.receive("de");
    fake.end({ code: 1000, reason: "", wasClean: true });
    await closed;
    same([fake.calls, socket.bufferedAmount], [[], 5]);
    socket.send("f");
    same(socket.bufferedAmount, 6);
  });

  test("events that the platform fires inside close come later and in order", async () => {
    const { socket, fake, log } = start(withMembers({
      close() {
        this.dispatchEvent(new Event("error"));
        this.end({ code: 1006, reason: "", wasClean: false });
      },
    }));
    fake.open();
    await new Promise((resolve) => setTimeout(resolve));
    socket.close();
    same([log, socket.readyState], [["open 1"], 2]);
    await next(socket, "close");
    same(log, ["open 1", "error 3", "close 1006  false 3"]);
  });

  test("binary type that a handler sets applies to the next message", async () => {
    const { socket, fake } = start();
    const kinds = [];
    const closed = next(socket, "close");
    socket.onmessage = ({ data }) => {
      kinds.push(data.constructor.name);
      socket.binaryType = kinds.length % 2 ? "arraybuffer" : "blob";
    };
    fake.open();
    same(fake.binaryType, "arraybuffer");
    for (let count = 0; count < 3; count += 1) fake.receive(new Uint8Array(3).buffer);
    fake.end({ code: 1000, reason: "", wasClean: true });
    await closed;
    same(kinds, ["Blob", "ArrayBuffer", "Blob"]);
  });

  test("order is kept however many events wait", async () => {
    const { socket, fake } = start();
    const numbers = [];
    const closed = next(socket, "close");
    socket.onmessage = ({ data }) => {
      numbers.push(data);
      // Events that are fired while others wait come after them.
      if (data === 1) for (let number = 1000; number < 1003; number += 1) fake.receive(number);
      if (data === 1002) fake.end({ code: 1000, reason: "", wasClean: true });
    };
    fake.open();
    for (let number = 0; number < 1000; number += 1) fake.receive(number);
    await closed;
    same(numbers, Array.from({ length: 1003 }, (_, number) => number));
  });

  return list;
}
