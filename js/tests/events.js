// Events: the target, the handlers, and the events that are fired.

import { next, NOWHERE, same, show } from "./assert.js";

const TYPES = ["open", "message", "error", "close"];

/** Returns the tests. `server` is the address of the fault server. `trusted` is the expected value of `isTrusted`. */
export function tests(WebSocket, server, trusted) {
  const list = [];
  let count = 0;
  const run = `${Date.now()}-${Math.random()}`;
  const connect = (query = "") => new WebSocket(`ws://${server}/ws?id=events-${run}-${count++}&${query}`);
  const test = (name, act) => list.push([`events: ${name}`, act]);
  const unconnected = () => new WebSocket(NOWHERE);
  /** Dispatches a synthetic event and returns the log of its handlers. */
  const logOf = (socket, event, log) => (socket.dispatchEvent(event), log.splice(0));

  test("replaced handler keeps its position, null removes it", () => {
    for (const type of TYPES) {
      const socket = unconnected();
      const log = [];
      const logger = (name) => () => void log.push(name);
      socket.addEventListener(type, logger("before"));
      socket[`on${type}`] = logger("one");
      socket.addEventListener(type, logger("after"));
      same(logOf(socket, new Event(type), log), ["before", "one", "after"]);
      socket[`on${type}`] = logger("two");
      same(logOf(socket, new Event(type), log), ["before", "two", "after"]);
      socket[`on${type}`] = null;
      same(logOf(socket, new Event(type), log), ["before", "after"]);
      socket[`on${type}`] = logger("three");
      same(logOf(socket, new Event(type), log), ["before", "after", "three"]);
      socket.close();
    }
  });

  test("handler stores any object and calls only functions", () => {
    const socket = unconnected();
    const log = [];
    const objects = [{ handleEvent: () => log.push("never") }, {}, [], new Proxy({}, {}), () => log.push("called")];
    for (const object of objects) {
      socket.onmessage = object;
      same(socket.onmessage === object, true, show(object));
      socket.dispatchEvent(new Event("message"));
    }
    same(log, ["called"]);
    for (const value of [1, "x", true, undefined, null, Symbol("s"), 1n]) {
      socket.onmessage = objects[4];
      socket.onmessage = value;
      same(socket.onmessage, null);
    }
    // An object that is not callable has a position, too.
    socket.onopen = {};
    socket.addEventListener("open", () => log.push("listener"));
    socket.onopen = () => void log.push("handler");
    log.length = 0;
    same(logOf(socket, new Event("open"), log), ["handler", "listener"]);
    socket.close();
  });

  test("handler gets the event and cancels it by returning false", () => {
    const socket = unconnected();
    let call;
    socket.onclose = function (...values) {
      call = [this === socket, values.length, values[0]?.target === socket];
      return false;
    };
    same(socket.dispatchEvent(new Event("close", { cancelable: true })), false);
    same(call, [true, 1, true]);
    socket.onclose = () => 0;
    same(socket.dispatchEvent(new Event("close", { cancelable: true })), true);
    same(socket.readyState, 0);
    socket.close();
  });

  // In Node the test runner would count the reported exception as a failure.
  if (trusted) test("handler exception is reported, other listeners are called", async () => {
    const socket = unconnected();
    const log = [];
    const thrown = new Error("thrown by a handler");
    const reported = reportedError();
    socket.onmessage = () => {
      throw thrown;
    };
    socket.addEventListener("message", () => log.push("listener"));
    same(logOf(socket, new Event("message"), log), ["listener"]);
    same((await reported) === thrown, true);
    socket.close();
  });

  test("event dispatched by a script changes no state", () => {
    const socket = unconnected();
    const log = [];
    for (const type of TYPES) {
      socket.addEventListener(type, (event) => log.push([event.type, event.isTrusted, socket.readyState]));
      socket.dispatchEvent(new Event(type));
    }
    socket.dispatchEvent(new MessageEvent("message", { data: 1 }));
    same(log, [...TYPES, "message"].map((type) => [type, false, 0]));
    socket.close();
  });

  test("open, message and close are fired in order", async () => {
    const socket = connect("do=text:a,close:3000:bye");
    const log = [];
    for (const type of TYPES) {
      socket.addEventListener(type, () => log.push(`capture ${type}`), true);
      socket[`on${type}`] = () => log.push(`handler ${type}`);
    }
    const message = next(socket, "message");
    const open = await next(socket, "open");
    same([open.constructor === Event, open.bubbles, open.cancelable, open.isTrusted], [true, false, false, trusted]);
    const { data, origin, source, ports, lastEventId, isTrusted, constructor } = await message;
    same([data, origin, source, ports.length, lastEventId], ["a", `ws://${server}`, null, 0, ""]);
    same([isTrusted, constructor.name], [trusted, "MessageEvent"]);
    const close = await next(socket, "close");
    same([close.code, close.reason, close.wasClean], [3000, "bye", true]);
    same([close.isTrusted, close.constructor.name, close.bubbles, close.cancelable], [trusted, "CloseEvent", false, false]);
    const expected = ["open", "message", "close"].flatMap((type) => [`capture ${type}`, `handler ${type}`]);
    same(log, expected);
  });

  test("failure fires error and close in one task and no more", async () => {
    const socket = connect("status=403");
    const log = [];
    for (const type of TYPES) socket.addEventListener(type, ({ type }) => log.push([type, socket.readyState]), true);
    const error = next(socket, "error");
    let between = 0;
    socket.onerror = () => setTimeout(() => (between += log.length));
    const { code, reason, wasClean } = await next(socket, "close");
    same([code, reason, wasClean], [1006, "", false]);
    same((await error).constructor === Event, true);
    // A task that is queued by the error handler runs after the close event.
    await new Promise((resolve) => setTimeout(resolve, 20));
    same([between, log], [2, [["error", 3], ["close", 3]]]);
  });

  test("subprotocol not chosen fails without an open event", async () => {
    const socket = new WebSocket(`ws://${server}/ws?id=events-${run}-${count++}&pick=none&do=text:a,close:1000`, ["chat"]);
    const log = [];
    for (const type of TYPES) socket.addEventListener(type, ({ code }) => log.push([type, code]), true);
    await next(socket, "close");
    await next(connect("do=close:1000"), "close");
    same(log, [["error", undefined], ["close", 1006]]);
    same([socket.readyState, socket.protocol, socket.extensions], [3, "", ""]);
  });

  test("binary type at dispatch applies to the message", async () => {
    const socket = connect("do=bytes:3,bytes:3,bytes:3,close:1000");
    const kinds = [];
    socket.binaryType = "arraybuffer";
    socket.binaryType = "neither";
    const values = [{ toString: () => "blob" }, "arraybuffer"];
    socket.onmessage = ({ data }) => {
      kinds.push(data.constructor.name);
      if (values.length) socket.binaryType = values.shift();
    };
    await next(socket, "close");
    same(kinds, ["ArrayBuffer", "Blob", "ArrayBuffer"]);
    same(socket.binaryType, "arraybuffer");
  });

  test("listener options work as on the platform", async () => {
    const socket = connect("do=text:a,text:b,close:1000");
    const log = [];
    const removed = () => log.push("removed");
    const abort = new AbortController();
    socket.addEventListener("message", () => log.push("once"), { once: true });
    socket.addEventListener("message", removed);
    socket.removeEventListener("message", removed);
    socket.addEventListener("message", { handleEvent: ({ data }) => void log.push(data) });
    socket.addEventListener("message", () => (log.push("aborted"), abort.abort()), { signal: abort.signal });
    await next(socket, "close");
    same(log, ["once", "a", "aborted", "b"]);
  });

  test("data sent after close is counted and not sent", async () => {
    const socket = connect();
    await next(socket, "open");
    socket.close();
    for (const data of ["xyz", "é\ud800", new Uint8Array(10).subarray(2, 5), new DataView(new ArrayBuffer(8), 1), new Blob(["four"])]) {
      socket.send(data);
    }
    same(socket.bufferedAmount, 3 + 5 + 3 + 7 + 4);
    const { code } = await next(socket, "close");
    socket.send(new ArrayBuffer(100));
    same([code, socket.bufferedAmount], [1005, 122]);
  });

  return list;
}

/** Returns a promise of an error that is reported to the global object. */
function reportedError() {
  return new Promise((resolve) => {
    const listener = (event) => {
      event.preventDefault();
      globalThis.removeEventListener("error", listener);
      resolve(event.error);
    };
    globalThis.addEventListener("error", listener);
  });
}
