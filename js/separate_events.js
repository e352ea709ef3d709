// Separates the events of a socket, in runtimes whose classes fire several in one call.
//
// The Standard fires an event in a task of its own, so the microtasks of each event run before the next one. A program that awaits
// one message at a time depends on that. Node's class and `ws` fire the events of all frames that have arrived together.

import { sizeOf } from "./conversions.js";

const OPEN = 1;
const { process, queueMicrotask } = globalThis;

/** Lets the microtasks of each event run before the next event. Needs `process.nextTick`, which Node, Deno and Bun have. */
export function separateEvents(platform) {
  // Only over a class that is written in JavaScript, the class dispatches all events itself. An engine's class, such as Bun's, fires
  // each event in a task of its own.
  if (!platform.messageEvent || typeof process?.nextTick !== "function") return;
  const { addEventListener, bufferedAmount, close, dispatch, readyState, removeEventListener, send, setBinaryType } = platform;
  /** The queues of the platform's sockets, and those of our own. */
  const queues = new WeakMap();
  /** The listeners that were added for ours. */
  const added = new WeakMap();
  const queueOf = (target) => {
    if (!queues.has(target)) queues.set(target, new EventQueue());
    return queues.get(target);
  };

  platform.addEventListener = (socket, type, listener) => {
    added.set(listener, (event) => queueOf(socket).add(readyState(socket), () => listener(event)));
    addEventListener(socket, type, added.get(listener));
  };
  platform.removeEventListener = (socket, type, listener) => removeEventListener(socket, type, added.get(listener));
  platform.readyState = (socket) => queues.get(socket)?.readyState ?? readyState(socket);
  // A message may wait while the program sets the type. So each is received as bytes, from which the class creates a Blob.
  platform.setBinaryType = (socket) => setBinaryType(socket, "arraybuffer");
  platform.send = (socket, data) => {
    const queue = queues.get(socket);
    // The end of the connection still waits, so the program takes it for open. The data counts, and cannot be sent.
    if (queue?.readyState === OPEN && readyState(socket) > OPEN) queue.unsentBytes += sizeOf(data);
    else send(socket, data);
  };
  platform.bufferedAmount = (socket) => bufferedAmount(socket) + (queues.get(socket)?.unsentBytes ?? 0);
  platform.close = (socket, frame) => {
    // A class that fires events inside `close` fires them too early.
    queueOf(socket).hold();
    close(socket, frame);
  };
  // At the end of a connection, the class dispatches `error` and `close` in one call.
  platform.dispatch = (target, event) => {
    if (event.type === "error" || queues.has(target)) queueOf(target).add(undefined, () => dispatch(target, event));
    else dispatch(target, event);
  };
}

/** The events of one target that wait until the microtasks of the event before have run. */
class EventQueue {
  /** The size of the data that was sent after the end of the connection, while events waited. */
  unsentBytes = 0;
  #waiting = [];
  /** The index of the next event in `#waiting`, from which nothing is shifted because that moves all others. */
  #at = 0;
  #isHeld = false;
  /**
   * The platform's ready state when it fired the event whose microtasks have not yet run.
   *
   * Meanwhile the platform may be ahead of the program, which has not seen the next events.
   */
  readyState;

  /** Handles an event now, or after those before it and their microtasks. */
  add(readyState, handle) {
    if (this.#isHeld) this.#waiting.push({ readyState, handle });
    else this.#run({ readyState, handle });
  }

  /** Lets all events wait until the microtasks have run. */
  hold() {
    if (this.#isHeld) return;
    this.#isHeld = true;
    // A tick that a microtask asks for comes after all microtasks.
    queueMicrotask(() => process.nextTick(() => this.#continue()));
  }

  #continue() {
    this.#isHeld = false;
    this.readyState = undefined;
    if (this.#waiting.length === 0) return;
    const next = this.#waiting[this.#at];
    this.#waiting[this.#at++] = undefined;
    if (this.#at === this.#waiting.length) [this.#waiting, this.#at] = [[], 0];
    this.#run(next);
  }

  #run({ readyState, handle }) {
    this.hold();
    this.readyState = readyState;
    handle();
  }
}
