// The deviations of runtimes outside browsers, in a module of its own so that no page loads it.

import { sizeOf } from "./conversions.js";

const CLOSING = 2;
const { setImmediate = setTimeout } = globalThis;

/** Brings what the members of a platform return into the Standard's form, where a runtime deviates and no page does. */
export function level(platform) {
  countSent(platform);
  answerClose(platform);
  reportLoss(platform);
}

/**
 * Answers the server's Close frame, where the runtime leaves that to the program.
 *
 * workerd does so with a compatibility date before 2026-04-07. Its socket is then still CLOSING when it fires `close`.
 */
function answerClose(platform) {
  const { close, closed } = platform;
  platform.closed = (event, socket) => {
    const values = closed(event, socket);
    if (!values.wasClean || platform.readyState(socket) !== CLOSING) return values;
    // workerd refuses 1005, and some of the codes that it has received. Such a frame is answered without a code.
    for (const frame of [[values.code, values.reason], []]) {
      try {
        close(socket, frame);
        break;
      } catch {
        // The connection has ended anyway.
      }
    }
    return values;
  };
}

/**
 * Sets the code and the reason of the event of a lost connection, so that the event needs no `error` before it.
 *
 * Deno reports it with the code 0, workerd with a reason.
 */
function reportLoss(platform) {
  const { closed } = platform;
  platform.closed = (event, socket) => {
    const values = closed(event, socket);
    const isLost = !values.wasClean && (values.code === 0 || values.code === 1006);
    return isLost ? { code: 1006, reason: "", wasClean: false } : values;
  };
}

/**
 * Counts in bufferedAmount all that was sent in the current task, as the Standard does.
 *
 * Bun does not count what it has written at once, and Deno counts no blobs.
 */
function countSent(platform) {
  const { bufferedAmount, closed, send } = platform;
  /** The least bufferedAmount of a socket until the current task ends. */
  const least = new WeakMap();
  platform.bufferedAmount = (socket) => Math.max(bufferedAmount(socket) || 0, least.get(socket) || 0);
  platform.send = (socket, data) => {
    const amount = platform.bufferedAmount(socket) + sizeOf(data);
    send(socket, data);
    if (bufferedAmount(socket) >= amount) return;
    try {
      if (!least.has(socket)) setImmediate(() => least.delete(socket));
      least.set(socket, amount);
    } catch {
      // workerd has no timers outside a request.
    }
  };
  platform.closed = (event, socket) => {
    // The amount at the end is kept, so it must not have what counts only until a task ends.
    least.delete(socket);
    return closed(event, socket);
  };
}
