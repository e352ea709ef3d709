// Sends blobs where the platform does not: workerd sends one as the text `[object Blob]`.

import { copyBytes, isBytes, sizeOf } from "./conversions.js";

const OPEN = 1;
const { arrayBuffer } = Blob.prototype;
const { apply } = Reflect;

/** Reads each blob before it is sent. All that is sent meanwhile waits, and so does a Close. */
export function readBlobs(platform) {
  const { addEventListener, bufferedAmount, close, send } = platform;
  /** The queue of a socket, while there is one. */
  const queues = new WeakMap();
  /** The listener of a socket for the platform's `error`. A failed queue calls it, too. */
  const failures = new WeakMap();
  platform.addEventListener = (socket, type, listener) => {
    if (type === "error") failures.set(socket, listener);
    addEventListener(socket, type, listener);
  };
  platform.send = (socket, data) => {
    const isBlob = typeof data === "object" && !isBytes(data);
    let queue = queues.get(socket);
    if (!queue && !isBlob) return send(socket, data);
    if (!queue) {
      queues.set(socket, (queue = new Queue()));
      queue.run(() => queues.delete(socket)).catch(() => {
        if (platform.readyState(socket) !== OPEN) return;
        // The messages were accepted, so the connection fails. Their bytes stay counted.
        failures.get(socket)();
        close(socket, []);
      }).catch(() => {});
    }
    const kept = isBlob || typeof data === "string" ? data : copyBytes(data);
    queue.add(sizeOf(data), async () => {
      const read = isBlob ? await apply(arrayBuffer, kept, []) : kept;
      // What the end of the connection leaves stays counted, as the Standard has it.
      if (platform.readyState(socket) !== OPEN) return false;
      send(socket, read);
      return true;
    });
  };
  platform.bufferedAmount = (socket) => (bufferedAmount(socket) || 0) + (queues.get(socket)?.bytes ?? 0);
  platform.close = (socket, frame) => {
    const queue = queues.get(socket);
    // A socket that is not OPEN any more sends nothing of its queue.
    if (queue && platform.readyState(socket) === OPEN) queue.add(0, () => (close(socket, frame), true));
    else close(socket, frame);
  };
}

/** What waits for a blob, in the order of the calls. */
class Queue {
  bytes = 0;
  #steps = [];

  /** Adds a step, which returns whether to go on with the next one. */
  add(size, act) {
    this.bytes += size;
    this.#steps.push({ size, act });
  }

  /** Takes the steps, and calls `ended` after the last one. */
  async run(ended) {
    // The first step is added in the same task.
    await undefined;
    for (let step; (step = this.#steps[0]); this.#steps.shift()) {
      if (!(await step.act())) return;
      this.bytes -= step.size;
    }
    ended();
  }
}
