// WebSocketStream: the promises, the streams, closing, and errors.

import { same, throws } from "./assert.js";

/** Returns the name and the values of an exception. */
const shown = (error) => [error.name, error.closeCode, error.reason];
const rejection = (promise) => promise.then((value) => [`fulfilled with ${value}`], shown);

/**
 * Returns the tests. `options.isOurs` is false for a platform's class, which differs in some values.
 *
 * None has a server that closes while data is unsent: Chromium 156 crashes at a garbage collection after that.
 */
export function tests(name, { WebSocketStream, WebSocketError }, server, { isOurs = true } = {}) {
  const list = [];
  const test = (title, act) => list.push([`${name}: ${title}`, act]);
  const url = (script = "") => `ws://${server}/ws?id=streams${script}`;
  const open = async (script) => {
    const stream = new WebSocketStream(url(script));
    return { stream, ...(await stream.opened) };
  };

  test("class and its members have the shape of Web IDL", () => {
    const members = (Class) => Object.entries(Object.getOwnPropertyDescriptors(Class.prototype)).map(
      ([member, { enumerable, get, set, value }]) => [member, enumerable, typeof get, typeof set, typeof value].join(" "),
    ).sort();
    const getter = (member) => `${member} true function undefined undefined`;
    same(members(WebSocketStream), [
      getter("closed"), "close true undefined undefined function", "constructor false undefined undefined function",
      getter("opened"), getter("url"),
    ].sort());
    same(members(WebSocketError), ["constructor false undefined undefined function", getter("closeCode"), getter("reason")].sort());
    same([WebSocketStream.name, WebSocketStream.length, WebSocketError.name, WebSocketError.length], ["WebSocketStream", 1, "WebSocketError", 0]);
    same(String(WebSocketStream.prototype), "[object WebSocketStream]");
    throws("TypeError", () => WebSocketStream(url()));
    throws("TypeError", () => WebSocketStream.prototype.close.call({}));
  });

  test("constructor checks its arguments", () => {
    for (const values of [[], [url(), true], [url(), { protocols: "chat" }], [url(), { protocols: 5 }], [url(), { signal: {} }], [url(), { signal: null }]]) {
      throws("TypeError", () => new WebSocketStream(...values), values.length);
    }
    for (const values of [["invalid:"], [`${url()}#`], [url(), { protocols: ["a/b"] }], [url(), { protocols: ["a", "a"] }]]) {
      throws("SyntaxError", () => new WebSocketStream(...values), values[0]);
    }
  });

  test("error has defaults, and checks its code and reason", () => {
    const values = (...args) => {
      const error = new WebSocketError(...args);
      return [error.message, error.code, error instanceof DOMException, ...shown(error)];
    };
    same(values(), ["", 0, true, "WebSocketError", null, ""]);
    same(values("m", { closeCode: 3456, reason: "r" }), ["m", 0, true, "WebSocketError", 3456, "r"]);
    same(values("", { reason: "r" }), ["", 0, true, "WebSocketError", 1000, "r"]);
    same(values("", { closeCode: 3333 }), ["", 0, true, "WebSocketError", 3333, ""]);
    for (const closeCode of [999, 1001, 2999, 5000, 65535, null, -0.5]) throws("InvalidAccessError", () => new WebSocketError("", { closeCode }), closeCode);
    for (const closeCode of [NaN, "x", -1, 65536, Infinity]) throws(isOurs ? "TypeError" : "InvalidAccessError", () => new WebSocketError("", { closeCode }), closeCode);
    for (const reason of ["x".repeat(124), "\u{1F50C}".repeat(32)]) throws("SyntaxError", () => new WebSocketError("", { reason }));
    throws("TypeError", () => new WebSocketError("", 1));
  });

  test("members of a dictionary are read and converted one after the other", () => {
    const reads = [];
    const dictionary = {};
    for (const [name, value] of [["signal", AbortSignal.abort()], ["reason", "r"], ["protocols", ["chat"]], ["closeCode", 3000]]) {
      const convert = () => (reads.push(`convert ${name}`), value);
      const member = name === "signal" ? value : { valueOf: convert, toString: convert, [Symbol.iterator]: () => convert()[Symbol.iterator]() };
      Object.defineProperty(dictionary, name, { get: () => (reads.push(name), member) });
    }
    new WebSocketError("", dictionary);
    new WebSocketStream(url(), dictionary).closed.catch(() => {});
    same(reads.join(), "closeCode,convert closeCode,reason,convert reason,protocols,convert protocols,signal");
  });

  test("messages are echoed as text and as bytes", async () => {
    const { stream, readable, writable, protocol, extensions } = await open();
    same([stream.url, protocol, typeof extensions], [url(), "", "string"]);
    const [reader, writer] = [readable.getReader(), writable.getWriter()];
    const sent = ["text", "", new Uint8Array([1, 2, 3]), new Uint8Array(0).buffer, new DataView(new ArrayBuffer(4), 1, 2), new Blob(["b"]), 5, "\ud800"];
    const received = [];
    for (const chunk of sent) {
      writer.write(chunk);
      const { value } = await reader.read();
      received.push(typeof value === "string" ? value : `${isOurs ? value.constructor.name : "Uint8Array"}: ${new Uint8Array(value)}`);
    }
    same(received, ["text", "", "Uint8Array: 1,2,3", "Uint8Array: ", "Uint8Array: 0,0", "[object Blob]", "5", "\ufffd"]);
    stream.close();
    await stream.closed;
  });

  test("protocol is the one that the server chose", async () => {
    const stream = new WebSocketStream(url(), { protocols: new Set(["chat", "mail"]) });
    same((await stream.opened).protocol, "chat");
    stream.close();
    await stream.closed;
  });

  for (const [info, expected] of [
    [undefined, [1005, ""]], [null, [1005, ""]], [{}, [1005, ""]], [{ reason: "" }, [1005, ""]], [{ reason: "why" }, [1000, "why"]],
    [{ closeCode: 3456, reason: "pizza" }, [3456, "pizza"]], [{ closeCode: 3000.7 }, [3000, ""]], [{ closeCode: 1000 }, [1000, ""]],
  ]) {
    test(`close(${JSON.stringify(info)}) ends both streams`, async () => {
      const { stream, readable, writable } = await open();
      stream.close(info);
      const { closeCode, reason } = await stream.closed;
      same([closeCode, reason], expected);
      same((await readable.getReader().read()).done, true);
      same((await rejection(writable.getWriter().ready))[0], "InvalidStateError");
    });
  }

  test("close checks its argument and changes nothing if it throws", async () => {
    const { stream, readable, writable } = await open();
    throws("TypeError", () => stream.close(true));
    for (const closeCode of [999, 1001, 2999, 5000]) throws("InvalidAccessError", () => stream.close({ closeCode }), closeCode);
    throws("SyntaxError", () => stream.close({ reason: ".".repeat(124) }));
    writable.getWriter().write("still open");
    same((await readable.getReader().read()).value, "still open");
    stream.close();
    await stream.closed;
  });

  test("close while connecting rejects both promises", async () => {
    const stream = new WebSocketStream(url());
    stream.close();
    same([await rejection(stream.opened), await rejection(stream.closed)], [["WebSocketError", null, ""], ["WebSocketError", 1006, ""]]);
  });

  test("refused handshake rejects both promises", async () => {
    const stream = new WebSocketStream(url("&status=404"));
    same([await rejection(stream.opened), await rejection(stream.closed)], [["WebSocketError", null, ""], ["WebSocketError", 1006, ""]]);
  });

  test("subprotocol not chosen rejects both promises", async () => {
    const stream = new WebSocketStream(url("&pick=none"), { protocols: ["chat"] });
    same([(await rejection(stream.opened))[0], await rejection(stream.closed)], ["WebSocketError", ["WebSocketError", 1006, ""]]);
  });

  test("closing the writable closes the connection and waits for its end", async () => {
    const { stream, readable, writable } = await open();
    const writer = writable.getWriter();
    writer.write("last");
    await writer.close();
    const { closeCode, reason } = await stream.closed;
    same([closeCode, reason, await writer.closed], [1005, "", undefined]);
    const reader = readable.getReader();
    const { value, done } = await reader.read();
    if (!done) same([value, (await reader.read()).done], ["last", true]);
  });

  const error = (...values) => new WebSocketError("", ...values);
  for (const [stream, method, other] of [["readable", "cancel", "writable"], ["writable", "abort", "readable"]]) {
    for (const [title, reason, expected] of [
      ["nothing", undefined, [1005, ""]],
      ["a plain object", { closeCode: 3333, reason: "ignored" }, [1005, ""]],
      ["a DOMException", Object.assign(new DOMException("", "DataCloneError"), { closeCode: 1000 }), [1005, ""]],
      ["a code", error({ closeCode: 3333 }), [3333, ""]],
      ["a code and a reason", error({ closeCode: 3456, reason: "set" }), [3456, "set"]],
      ["a reason", error({ reason: "specified" }), [1000, "specified"]],
    ]) {
      test(`${method} of ${stream} with ${title} closes`, async () => {
        const opened = await open();
        await opened[stream][method](reason);
        const { closeCode, reason: received } = await opened.stream.closed;
        same([closeCode, received], expected);
        const ended = other === "readable" ? (await opened.readable.getReader().read()).done : (await rejection(opened.writable.getWriter().ready))[0];
        same(ended, other === "readable" ? true : "InvalidStateError");
      });
    }
  }

  test("server's close ends both streams", async () => {
    const { stream, readable, writable } = await open("&do=text:hi,close:4000:robot");
    const reader = readable.getReader();
    same((await reader.read()).value, "hi");
    const { closeCode, reason } = await stream.closed;
    same([closeCode, reason, (await reader.read()).done], [4000, "robot", true]);
    same((await rejection(writable.getWriter().ready))[0], "InvalidStateError");
  });

  test("lost connection errors both streams with the same exception", async () => {
    const { stream, readable, writable } = await open("&do=await:1,reset");
    const writer = writable.getWriter();
    writer.write("now").catch(() => {});
    same(await rejection(stream.closed), ["WebSocketError", 1006, ""]);
    const errors = await Promise.all([stream.closed, readable.getReader().read(), writer.ready].map((ended) => ended.catch((reason) => reason)));
    same(errors.map((found) => found === errors[0]), [true, true, true]);
  });

  test("write after the start of the closing handshake sends nothing", async () => {
    const { stream, readable, writable } = await open();
    stream.close();
    const writer = writable.getWriter();
    same(await writer.write("late"), undefined);
    await stream.closed;
    same((await readable.getReader().read()).done, true);
    same(await rejection(writer.write("later")), ["InvalidStateError", undefined, undefined]);
  });

  test("write rejects what cannot be sent", async () => {
    for (const chunk of [{ toString() { return this; } }, Symbol("s"), new ArrayBuffer(8, { maxByteLength: 16 })]) {
      const { stream, writable } = await open();
      if (chunk.resizable !== false) same((await rejection(writable.getWriter().write(chunk)))[0], "TypeError");
      stream.close();
      await stream.closed;
    }
  });

  test("signal that is aborted before prevents the connection", async () => {
    const stream = new WebSocketStream(url(), { signal: AbortSignal.abort() });
    same([(await rejection(stream.opened))[0], (await rejection(stream.closed))[0]], ["AbortError", "AbortError"]);
    if (isOurs) {
      same(stream.url, url());
      stream.close();
      throws("SyntaxError", () => new WebSocketStream("invalid:", { signal: AbortSignal.abort() }));
    }
  });

  test("signal aborts the handshake and nothing later", async () => {
    const controller = new AbortController();
    const stream = new WebSocketStream(url(), { signal: controller.signal });
    controller.abort();
    same([(await rejection(stream.opened))[0], (await rejection(stream.closed))[0]], ["AbortError", "AbortError"]);
    const late = new AbortController();
    const established = new WebSocketStream(url(), { signal: late.signal });
    const { readable, writable } = await established.opened;
    late.abort();
    writable.getWriter().write("connected");
    same((await readable.getReader().read()).value, "connected");
    established.close();
    await established.closed;
  });

  if (isOurs) {
    test("signal's reason is that of both promises", async () => {
      const stream = new WebSocketStream(url(), { signal: AbortSignal.abort("why") });
      const reasons = await Promise.all([stream.opened, stream.closed].map((ended) => ended.catch((reason) => reason)));
      same(reasons, ["why", "why"]);
    });

    test("abort closes while a write waits for the server", async () => {
      const id = `streams-abort-${Math.random()}`;
      const stream = new WebSocketStream(`ws://${server}/ws?id=${id}&do=read-gate:go,await-close,answer`);
      const writer = (await stream.opened).writable.getWriter();
      const written = writer.write(new Uint8Array(32 << 20));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await writer.abort(error({ closeCode: 3001, reason: "enough" }));
      same(await written, undefined);
      await fetch(`http://${server}/control/release?id=${id}&gate=go`, { method: "POST" });
      const { closeCode, reason } = await stream.closed;
      same([closeCode, reason], [3001, "enough"]);
    });
  }

  return list;
}
