// The class over a platform's WebSocketStream, which ends as a test wants.

import { answeredClose } from "../stream/deno.js";
import { pullingSocket } from "../stream/pulling_socket.js";
import { next, same } from "./assert.js";

const opened = (readable) => Promise.resolve({ readable, writable: new WritableStream(), protocol: "", extensions: "" });

/** Creates a class of streams that open at once. After `close`, `closed` is rejected with this exception. */
function failingPlatform(exception) {
  return class {
    #controller;
    #readable = new ReadableStream({ start: (controller) => void (this.#controller = controller) });
    opened = opened(this.#readable);
    closed = new Promise((_, reject) => {
      this.close = () => {
        this.#controller.error(exception);
        reject(exception);
      };
    });
  };
}

/** A class of streams that are closed at once, with messages that have not been read. */
class ClosedPlatform {
  opened = opened(new ReadableStream({
    start(controller) {
      for (const message of ["a", "b"]) controller.enqueue(message);
      controller.close();
    },
  }));
  closed = this.opened.then(() => ({ closeCode: 1000, reason: "bye" }));
}

/** Returns the tests. `CloseEvent` is the class of events in a runtime that has none. */
export function tests(over, CloseEvent) {
  const closed = async (exception, ...frame) => {
    globalThis.CloseEvent ??= CloseEvent;
    const { socket } = pullingSocket(failingPlatform(exception), over, answeredClose)("ws://localhost/", []);
    await next(socket, "open");
    socket.close(...frame);
    const { code, reason, wasClean } = await next(socket, "close");
    return [code, reason, wasClean];
  };
  const failure = (message, closeCode = null) => Object.assign(new Error(message), { closeCode, reason: "" });
  return [
    ["failure whose message is the reason is the answer to a Close", async () => {
      same(await closed(failure("bye"), 3001, "bye"), [3001, "bye", true]);
      same(await closed(failure(""), 3001), [3001, "", true]);
      same(await closed(failure("")), [1005, "", true]);
    }],
    ["failure with another message or a code is a failure", async () => {
      same(await closed(failure("Connection reset by peer"), 3001, "bye"), [1006, "", false]);
      same(await closed(failure("bye", 1006), 3001, "bye"), [1006, "", false]);
    }],
    ["messages that are unread at the end come before close", async () => {
      globalThis.CloseEvent ??= CloseEvent;
      const { socket } = pullingSocket(ClosedPlatform, over, answeredClose)("ws://localhost/", []);
      const log = [];
      for (const type of ["open", "message", "close"]) socket.addEventListener(type, ({ data, code }) => log.push([type, data ?? code]));
      await next(socket, "close");
      same(log, [["open", undefined], ["message", "a"], ["message", "b"], ["close", 1000]]);
    }],
  ];
}
