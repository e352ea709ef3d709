// The class over platform classes that throw, or that report what the Standard does not allow.

import { readBlobs } from "../blobs.js";
import { level } from "../runtimes.js";
import { streams } from "../stream/streams.js";
import { over } from "../websocket.js";
import { next, same, show, throwsThis } from "./assert.js";

const TYPES = ["open", "message", "error", "close"];
const URL = "ws://127.0.0.1:9/path";

/** A platform's class that does only what a test says. */
class Fake extends EventTarget {
  static last;
  readyState = 0;
  bufferedAmount = 0;
  extensions = "";
  protocol = "";
  binaryType = "blob";
  calls = [];

  constructor() {
    super();
    Fake.last = this;
  }

  send(data) {
    this.calls.push(["send", data]);
  }

  close(...frame) {
    this.calls.push(["close", ...frame]);
    this.readyState = 2;
  }

  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  receive(data) {
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }

  end(values = {}) {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), values));
  }
}

/** An event target that is not the platform's, as npm `ws` has it. Its events are plain objects. */
class OwnTarget {
  static last;
  readyState = 0;
  listeners = [];

  constructor() {
    OwnTarget.last = this;
  }

  addEventListener(type, listener) {
    this.listeners.push([type, listener]);
  }

  removeEventListener(type, listener) {
    this.listeners = this.listeners.filter((entry) => entry[0] !== type || entry[1] !== listener);
  }

  fire(type, event) {
    for (const [listened, listener] of [...this.listeners]) if (listened === type) listener(event);
  }
}

/** Returns a subclass of `Fake` with other members on its objects. */
export const withMembers = (members) => class extends Fake {
  constructor() {
    super();
    Object.defineProperties(this, Object.getOwnPropertyDescriptors(members));
  }
};

/** Creates a socket over a platform's class. Returns it, the platform's object, and the log of its events. */
export function create(Class = Fake, protocols = [], change = undefined) {
  const socket = new (over({ WebSocket: Class }, change))(URL, protocols);
  const log = [];
  for (const type of TYPES) {
    socket.addEventListener(type, (event) => {
      const values = { message: [event.data], close: [event.code, event.reason, event.wasClean] }[type] ?? [];
      log.push([type, ...values, socket.readyState].join(" "));
    });
  }
  return { socket, fake: Fake.last, log };
}

const DOM = (name) => new DOMException("thrown by the platform", name);
const named = (name) => Object.assign(Object.create(null), { name, message: "" });

/** Exceptions of `send` that the program has to see. */
const FAULTS = [
  new TypeError("no data"), DOM("DataCloneError"), DOM("InvalidStateError"), DOM("NotSupportedError"), new Error("broken"),
  new ReferenceError("x is not defined"), new RangeError("Maximum call stack size exceeded"), "a string", undefined, null, 5,
  { get name() { return undefined; } },
];

/** Exceptions of `send` that mean that the data is too much. */
const FULL = [
  new RangeError("Array buffer allocation failed"), DOM("QuotaExceededError"), named("NS_ERROR_FILE_TOO_BIG"),
  named("NS_ERROR_OUT_OF_MEMORY"), named("InternalError"), "out of memory",
];

/** Returns the tests. */
export function tests() {
  const list = [];
  const test = (name, act) => list.push([`faults: ${name}`, act]);

  for (const fault of FAULTS) {
    test(`exception of send ${show(fault)} is passed on`, () => {
      const { socket, fake, log } = create(withMembers({ send: () => { throw fault; } }));
      fake.open();
      for (const data of ["text", new Uint8Array(3), new ArrayBuffer(3), new Blob(["x"])]) throwsThis(fault, () => socket.send(data));
      same([socket.readyState, socket.bufferedAmount, fake.calls], [1, 0, []]);
      fake.send = Fake.prototype.send;
      socket.send("again");
      socket.close(3000, "bye");
      fake.end({ code: 3000, reason: "bye", wasClean: true });
      same(fake.calls, [["send", "again"], ["close", 3000, "bye"]]);
      same(log, ["open 1", "close 3000 bye true 3"]);
    });
  }

  for (const full of FULL) {
    test(`exception of send ${show(full?.name ?? full)} closes as full`, () => {
      const { socket, fake, log } = create(withMembers({ send: () => { throw full; } }));
      fake.open();
      socket.send("12345");
      same([socket.readyState, socket.bufferedAmount, fake.calls], [2, 5, [["close"]]]);
      fake.end({ code: 1005, reason: "", wasClean: true });
      same(log, ["open 1", "error 3", "close 1005  true 3"]);
    });
  }

  test("full platform without memory for a copy of the text closes as full", () => {
    const { socket, fake, log } = create(withMembers({ send: () => { throw FULL[0]; } }));
    fake.open();
    // A pair of surrogates lies across each multiple of 1024, where a slice of the text could end.
    const text = `a${"\u{1f600}".repeat(5000)}\ud800é`;
    const { encode } = TextEncoder.prototype;
    TextEncoder.prototype.encode = () => { throw FULL[0]; };
    try {
      socket.send(text);
    } finally {
      TextEncoder.prototype.encode = encode;
    }
    same([socket.readyState, socket.bufferedAmount, fake.calls], [2, 1 + 4 * 5000 + 3 + 2, [["close"]]]);
    fake.end({ code: 1005, reason: "", wasClean: true });
    same(log, ["open 1", "error 3", "close 1005  true 3"]);
  });

  test("exception of send that cannot be created leaves the socket usable", () => {
    const { socket, fake, log } = create();
    const { DOMException } = globalThis;
    // As if the stack were full when the exception is created.
    globalThis.DOMException = class {
      constructor() {
        throw FULL[0];
      }
    };
    try {
      throwsThis(FULL[0], () => socket.send("early"));
    } finally {
      globalThis.DOMException = DOMException;
    }
    same([socket.readyState, socket.bufferedAmount], [0, 0]);
    fake.open();
    socket.send("text");
    same([fake.calls, log], [[["send", "text"]], ["open 1"]]);
  });

  test("full platform whose close throws ends the connection", async () => {
    const { socket, fake, log } = create(withMembers({ send: () => { throw FULL[0]; }, close: () => { throw FAULTS[0]; } }));
    fake.open();
    socket.send("12345");
    await next(socket, "close");
    same(log, ["open 1", "error 3", "close 1006  false 3"]);
  });

  test("exception of close is passed on, and the connection ends", async () => {
    for (const opened of [false, true]) {
      const { socket, fake, log } = create(withMembers({ close: () => { throw FAULTS[0]; } }));
      if (opened) fake.open();
      throwsThis(FAULTS[0], () => socket.close(1000, "bye"));
      same(socket.readyState, 2);
      await next(socket, "close");
      // What the platform still reports comes too late.
      fake.receive("late");
      fake.end({ code: 1000, reason: "bye", wasClean: true });
      same(log, [...(opened ? ["open 1"] : []), "error 3", "close 1006  false 3"]);
    }
  });

  test("failed subprotocol ends although close throws", () => {
    const { fake, log } = create(withMembers({ close: () => { throw FAULTS[0]; } }), ["chat"]);
    fake.open();
    same(log, ["error 3", "close 1006  false 3"]);
  });

  test("close after a blob that throws ends the connection", async () => {
    const { socket, fake, log } = create(withMembers({ close: () => { throw FAULTS[0]; } }));
    fake.open();
    socket.send(new Blob(["x"]));
    fake.bufferedAmount = 1;
    socket.close();
    fake.bufferedAmount = 0;
    await next(socket, "close");
    same(log, ["open 1", "error 3", "close 1006  false 3"]);
  });

  test("refusal by the constructor fires error and close", async () => {
    const refusals = [DOM("SecurityError"), DOM("SyntaxError"), DOM("InvalidAccessError"), new SyntaxError("x"), named("NS_ERROR_FAILURE")];
    for (const refusal of refusals) {
      const { socket, log } = create(class { constructor() { throw refusal; } });
      await next(socket, "close");
      same(log, ["error 3", "close 1006  false 3"], show(refusal.name));
    }
  });

  test("fault of the constructor is passed on", () => {
    for (const fault of [new TypeError("Illegal constructor"), new Error("permission denied"), named("NotCapable"), undefined]) {
      throwsThis(fault, () => create(class { constructor() { throw fault; } }));
    }
  });

  test("binaryType that throws is applied by the class", async () => {
    const { socket, fake, log } = create(withMembers({ get binaryType() { return "x"; }, set binaryType(_) { throw FAULTS[0]; } }));
    fake.open();
    fake.receive(new Uint8Array([1, 2, 3]).buffer);
    socket.binaryType = "arraybuffer";
    fake.receive(new Uint8Array([1, 2, 3]).buffer);
    same([socket.binaryType, log], ["arraybuffer", ["open 1", "message [object Blob] 1", "message [object ArrayBuffer] 1"]]);
  });

  test("attributes null, missing or throwing read as empty", () => {
    for (const get of [() => null, () => undefined, () => ({}), () => { throw FAULTS[0]; }]) {
      const names = ["protocol", "extensions", "bufferedAmount", "readyState"];
      const members = Object.defineProperties({}, Object.fromEntries(names.map((name) => [name, { get, set: () => {}, enumerable: true }])));
      const { socket, fake, log } = create(withMembers(members));
      fake.open();
      same([socket.protocol, socket.extensions, socket.bufferedAmount, socket.readyState, log], ["", "", 0, 1, ["open 1"]]);
      // Without a subprotocol that the platform reports, an offer fails.
      const offered = create(withMembers(members), ["chat"]);
      offered.fake.open();
      same(offered.log, ["error 3", "close 1006  false 3"]);
    }
  });

  test("message data of any form gets the binary type", async () => {
    const view = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
    const shared = new Uint8Array(new WebAssembly.Memory({ shared: true, initial: 1, maximum: 1 }).buffer, 0, 2).fill(7);
    const { socket, fake } = create();
    const data = [];
    socket.onmessage = (event) => data.push(event.data);
    fake.open();
    for (const type of ["arraybuffer", "blob"]) {
      socket.binaryType = type;
      for (const bytes of [view, new DataView(view.buffer, 1, 2), view.slice().buffer, shared]) fake.receive(bytes);
    }
    const kinds = data.map((value) => value.constructor.name);
    same(kinds, [...Array(4).fill("ArrayBuffer"), ...Array(4).fill("Blob")]);
    const contents = await Promise.all(data.map(async (value) => [...new Uint8Array(value.arrayBuffer ? await value.arrayBuffer() : value)]));
    same(contents, [[1, 2], [1, 2], [1, 2], [7, 7], [1, 2], [1, 2], [1, 2], [7, 7]]);
  });

  test("message data of another type is left as it is", () => {
    const { socket, fake } = create();
    const data = [];
    socket.onmessage = (event) => data.push(event.data);
    fake.open();
    const values = ["text", "", 5, null, true, { x: 1 }];
    for (const value of values) fake.receive(value);
    fake.dispatchEvent(new Event("message"));
    same(data, [...values, null]);
  });

  test("message has the URL's origin and the event's classes", async () => {
    const { socket, fake } = create();
    const message = next(socket, "message");
    fake.open();
    // Deno reports the whole URL as the origin.
    fake.dispatchEvent(Object.assign(new Event("message"), { data: "text", origin: URL }));
    const { constructor, origin, lastEventId, ports, source } = await message;
    same([constructor === MessageEvent, origin, lastEventId, ports.length, source], [true, "ws://127.0.0.1:9", "", 0, null]);
  });

  test("close event of a lost connection has neither reason nor error, in runtimes", () => {
    for (const values of [{ code: 0 }, { code: 1006, reason: "lost" }]) {
      const { socket, fake, log } = create(Fake, [], level);
      fake.open();
      socket.close();
      fake.end({ wasClean: false, ...values });
      same(log, ["open 1", "close 1006  false 3"]);
    }
  });

  test("close of the server is answered if the platform has not done so, in runtimes", () => {
    // As in workerd with an older compatibility date, which refuses some codes.
    const refusing = withMembers({
      close(...frame) {
        Fake.prototype.close.apply(this, frame);
        if (frame[0] === 1005) throw DOM("InvalidAccessError");
      },
    });
    const cases = [
      [{ code: 1001, reason: "bye", wasClean: true }, 2, [["close", 1001, "bye"]]],
      [{ code: 1005, reason: "", wasClean: true }, 2, [["close", 1005, ""], ["close"]]],
      [{ code: 1001, reason: "bye", wasClean: true }, 3, []],
      [{ code: 1006, reason: "lost", wasClean: false }, 2, []],
    ];
    for (const change of [level, (platform) => { readBlobs(platform); level(platform); }]) {
      for (const [values, readyState, expected] of cases) {
        const { socket, fake, log } = create(refusing, [], change);
        fake.open();
        if (change !== level) socket.send(new Blob(["still being read"]));
        fake.readyState = readyState;
        fake.dispatchEvent(Object.assign(new Event("close"), values));
        same(fake.calls, expected, show(values));
        same(log.at(-1), values.wasClean ? `close ${values.code} ${values.reason} true 3` : "close 1006  false 3");
      }
    }
  });

  test("bufferedAmount at the end has only what is unsent, in runtimes", () => {
    const { socket, fake, log } = create(Fake, [], level);
    fake.open();
    socket.send("abc");
    same(socket.bufferedAmount, 3);
    fake.end({ code: 1000, reason: "", wasClean: true });
    same([socket.bufferedAmount, log], [0, ["open 1", "close 1000  true 3"]]);
  });

  test("blob that cannot be sent fails the connection, in workerd", async () => {
    for (const end of [undefined, { code: 1005, reason: "", wasClean: true }]) {
      const { socket, fake, log } = create(withMembers({
        send: () => { throw FAULTS[0]; },
        close() {
          Fake.prototype.close.call(this);
          if (end) queueMicrotask(() => this.end(end));
        },
      }), [], readBlobs);
      fake.open();
      socket.send(new Blob(["abc"]));
      socket.send("behind");
      await next(socket, "close");
      same(log, ["open 1", "error 3", end ? "close 1005  true 3" : "close 1006  false 3"]);
      same([fake.calls, socket.bufferedAmount], [[["close"]], 9]);
    }
  });

  test("abort of the writable closes while a write waits", async () => {
    const { over: streamsOver, WebSocketError } = streams(over);
    const Stream = streamsOver({ WebSocket: withMembers({ send() { this.bufferedAmount = 1 << 24; } }) });
    const stream = new Stream(URL);
    const { last } = Fake;
    last.open();
    const writer = (await stream.opened).writable.getWriter();
    const written = writer.write("waits for the server");
    await null;
    const aborted = writer.abort(new WebSocketError("", { closeCode: 3001, reason: "enough" }));
    same(last.calls, [["close", 3001, "enough"]]);
    same(await Promise.all([written, aborted]), [undefined, undefined]);
    last.bufferedAmount = 0;
    last.end({ code: 3001, reason: "enough", wasClean: true });
    const { closeCode, reason } = await stream.closed;
    same([closeCode, reason, last.calls.length], [3001, "enough", 1]);
  });

  test("bufferedAmount counts what was sent in the task, in runtimes", async () => {
    // As in Bun, which has written everything at once, and in Deno, which counts no blobs.
    const Counting = class extends Fake {
      send(data) {
        this.bufferedAmount += data.byteLength ?? 0;
      }
    };
    const { socket, fake } = create(Counting, [], level);
    fake.open();
    const seen = ["€", new Uint8Array(10), new Blob(["abc"])].map((data) => {
      socket.send(data);
      return socket.bufferedAmount;
    });
    // The same function as in `level`, so that this comes later.
    await new Promise((resolve) => (globalThis.setImmediate ?? setTimeout)(resolve));
    same([seen, socket.bufferedAmount], [[3, 13, 16], 10]);
    // As in workerd, which has no such attribute.
    delete fake.bufferedAmount;
    socket.send("ab");
    same(socket.bufferedAmount, 2);
  });

  test("close event with missing fields gets the Standard's", () => {
    const cases = [
      [{}, "error 3,close 1006  false 3"],
      [{ code: 1000 }, "close 1000  true 3"],
      [{ code: 1000, reason: null, wasClean: 1 }, "close 1000  true 3"],
      [{ code: 4000, reason: "bye" }, "close 4000 bye true 3"],
      [{ wasClean: true }, "close 1005  true 3"],
      [{ code: "1000", reason: 5, wasClean: true }, "close 1005  true 3"],
      [{ code: 70000 }, "error 3,close 1006  false 3"],
      [{ code: 1006 }, "error 3,close 1006  false 3"],
    ];
    for (const [values, expected] of cases) {
      const { fake, log } = create();
      fake.open();
      fake.end(values);
      same(log.slice(1).join(), expected, show(values));
    }
  });

  test("platform that is no EventTarget, with events of its own", () => {
    const { socket, log } = create(OwnTarget);
    const platform = OwnTarget.last;
    platform.readyState = 1;
    platform.fire("open");
    platform.fire("message", { data: "text" });
    platform.fire("message");
    platform.readyState = 3;
    platform.fire("close", Object.freeze({ code: 3000, get reason() { throw FAULTS[0]; } }));
    same([log, socket.bufferedAmount], [["open 1", "message text 1", "message  1", "close 3000  true 3"], 0]);
    same(platform.listeners, []);
  });

  test("Proxy and bound class are not taken for an engine's", () => {
    for (const Class of [new Proxy(Fake, {}), Fake.bind(null)]) {
      const { fake, log } = create(Class);
      fake.open();
      fake.end({ code: 1000, reason: "", wasClean: true });
      same(log, ["open 1", "close 1000  true 3"]);
    }
  });

  return list;
}
