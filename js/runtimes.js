// The deviations of runtimes outside browsers, in a module of its own so that no page loads it.

import { sizeOf } from "./conversions.js";

const { setImmediate = setTimeout } = globalThis;

/** Brings what the members of a platform return into the Standard's form, where a runtime deviates and no page does. */
export function level(platform) {
  countSent(platform);
  reportLoss(platform);
}

/**
 * Sets the code and the reason of the event of a lost connection, so that the event needs no `error` before it.
 *
 * Deno reports it with the code 0, workerd with a reason.
 */
function reportLoss(platform) {
  const { closed } = platform;
  platform.closed = (event) => {
    const values = closed(event);
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
  const { bufferedAmount, send } = platform;
  /** The least bufferedAmount of a socket until the current task ends. */
  const least = new WeakMap();
  platform.bufferedAmount = (socket) => Math.max(bufferedAmount(socket) || 0, least.get(socket) || 0);
  platform.send = (socket, data) => {
    const amount = platform.bufferedAmount(socket) + sizeOf(data);
    send(socket, data);
    if (bufferedAmount(socket) >= amount) return;
    if (!least.has(socket)) setImmediate(() => least.delete(socket));
    least.set(socket, amount);
  };
}
