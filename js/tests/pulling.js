// The class over a platform's WebSocketStream, which ends as a test wants.

import { answeredClose } from "../stream/deno.js";
import { pullingSocket } from "../stream/pulling_socket.js";
import { next, same } from "./assert.js";

/** Creates a class of streams that open at once. After `close`, `closed` is rejected with this exception. */
function failingPlatform(exception) {
  return class {
    closed = new Promise((_, reject) => (this.close = () => reject(exception)));
    opened = Promise.resolve({ readable: new ReadableStream(), writable: new WritableStream(), protocol: "", extensions: "" });
  };
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
  ];
}
