// The WebSocketStream class: https://github.com/whatwg/websockets/pull/48

import { isAnyBytes, toUSVString } from "../conversions.js";
import { toCloseInfo, toOptions } from "./dictionaries.js";

/** The number of unsent bytes up to which a write is done. Arbitrary. */
const MAX_BUFFERED = 1 << 20;

/** The interval in milliseconds at which a write reads bufferedAmount. Arbitrary. */
const POLL_INTERVAL = 4;

const OPEN = 1;
const { setInterval, clearInterval } = globalThis;

/**
 * Creates the class. `connect` returns an object with a socket of our WebSocket class. If the socket reads a message only on
 * demand, the object also has `pull`, and `written`, a promise of the last message.
 */
export function streamOver(connect, Unconnected, errors) {
  const { WebSocketStream } = { WebSocketStream: class {
    #opened = deferred();
    #closed = deferred();
    #connection;
    #socket;
    #url;
    #readable;
    #writable;
    #pending;
    #isReadableClosed = false;
    #isAborted = false;
    #stopListening = () => {};

    constructor(url, options = undefined) {
      if (arguments.length === 0) {
        throw new TypeError("Failed to construct 'WebSocketStream': 1 argument required, but only 0 present.");
      }
      const given = toUSVString(url);
      const { protocols, signal } = toOptions(options);
      this.#connection = signal?.aborted ? { socket: new Unconnected(given, protocols) } : connect(given, protocols);
      const { socket } = this.#connection;
      this.#socket = socket;
      this.#url = socket.url;
      if (signal?.aborted) return void this.#abort(signal.reason);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => this.#established();
      socket.onmessage = ({ data }) => this.#received(data);
      socket.onclose = (event) => this.#ended(event);
      if (signal) this.#listen(signal);
    }

    get url() {
      return this.#url;
    }

    get opened() {
      return this.#opened.promise;
    }

    get closed() {
      return this.#closed.promise;
    }

    close(closeInfo = undefined) {
      const { closeCode, reason } = toCloseInfo(closeInfo);
      this.#socket.close(closeCode, reason);
    }

    /** Fails the connection if the signal aborts before it is established. */
    #listen(signal) {
      const abort = () => {
        this.#stopListening();
        this.#abort(signal.reason);
        this.#socket.close();
      };
      signal.addEventListener("abort", abort);
      this.#stopListening = () => signal.removeEventListener("abort", abort);
    }

    #abort(reason) {
      this.#isAborted = true;
      this.#opened.reject(reason);
      this.#closed.reject(reason);
    }

    #established() {
      this.#stopListening();
      const { pull } = this.#connection;
      const readable = new ReadableStream({
        start: (controller) => void (this.#readable = controller),
        pull,
        cancel: (reason) => {
          this.#isReadableClosed = true;
          this.#closeBecause(reason);
        },
      }, { highWaterMark: pull ? 0 : 1 });
      const writable = new WritableStream({
        start: (controller) => {
          this.#writable = controller;
          // The stream calls `abort` below only after the write in progress, which may wait for the server.
          controller.signal?.addEventListener("abort", () => {
            this.#closeBecause(controller.signal.reason);
            this.#pending?.resolve();
          });
        },
        write: (chunk) => this.#write(chunk),
        close: () => {
          this.#socket.close();
          return this.#closed.promise.then(() => {});
        },
        abort: (reason) => this.#closeBecause(reason),
      });
      const { protocol, extensions } = this.#socket;
      this.#opened.resolve({ readable, writable, protocol, extensions });
    }

    #received(data) {
      if (!this.#isReadableClosed) this.#readable.enqueue(typeof data === "string" ? data : new Uint8Array(data));
    }

    #write(chunk) {
      const data = isAnyBytes(chunk) ? chunk : toUSVString(chunk);
      // After the start of the closing handshake, a message is not sent.
      if (this.#socket.readyState !== OPEN) return undefined;
      this.#socket.send(data);
      return this.#sent();
    }

    /** Waits until there is space for the next message. */
    #sent() {
      const { written } = this.#connection;
      const hasSpace = () => this.#socket.bufferedAmount <= MAX_BUFFERED;
      if (!written && hasSpace()) return undefined;
      const pending = deferred();
      const timer = written ? undefined : setInterval(() => hasSpace() && pending.resolve(), POLL_INTERVAL);
      written?.().then(() => this.#socket.bufferedAmount === 0 && pending.resolve());
      this.#pending = pending;
      return pending.promise.finally(() => {
        clearInterval(timer);
        this.#pending = undefined;
      });
    }

    #closeBecause(reason) {
      try {
        this.#socket.close(...errors.closeInfo(reason));
      } catch {
        this.#socket.close();
      }
    }

    #ended({ code, reason, wasClean }) {
      this.#stopListening();
      if (this.#isAborted) return;
      if (wasClean && this.#socket.bufferedAmount === 0) this.#endedCleanly(code, reason);
      else this.#failed(errors.create("the connection was not closed cleanly", code, reason));
    }

    #endedCleanly(closeCode, reason) {
      if (!this.#isReadableClosed) this.#readable.close();
      this.#closed.resolve({ closeCode, reason });
      this.#pending?.resolve();
      this.#writable.error(closedError());
    }

    #failed(error) {
      this.#opened.reject(errors.create("the connection was not established", null, ""));
      this.#closed.reject(error);
      this.#readable?.error(error);
      // The rejected write makes the stream fail with the same exception.
      if (this.#pending) this.#pending.reject(closedError());
      else this.#writable?.error(error);
    }
  } };

  const { prototype } = WebSocketStream;
  for (const name of ["url", "opened", "closed", "close"]) Object.defineProperty(prototype, name, { enumerable: true });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: "WebSocketStream", configurable: true });
  return WebSocketStream;
}

const closedError = () => new DOMException("a closed WebSocketStream cannot be written to", "InvalidStateError");

/** Returns a promise and its functions. A rejection that no program handles is not reported, because there are two promises. */
function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  parts.promise.catch(() => {});
  return parts;
}
