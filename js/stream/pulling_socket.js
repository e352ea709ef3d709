// The WebSocket class over the platform's WebSocketStream, which reads a message only when it is asked to.
//
// The class keeps its rules: it checks the subprotocol, and reports a lost connection with the Standard's values.

import { sizeOf } from "../conversions.js";

/**
 * Returns a function that connects. Its result has the socket, reads one message, and waits for writes.
 *
 * `answeredClose` returns the code and the reason if a failure is a clean end after all.
 */
export function pullingSocket(Platform, classOver, answeredClose) {
  let created;

  class PullingSocket extends EventTarget {
    readyState = 0;
    bufferedAmount = 0;
    protocol = "";
    extensions = "";
    written = Promise.resolve();
    #stream;
    #reader;
    #writer;
    #sentClose;

    constructor(url, protocols) {
      super();
      this.#stream = new Platform(url, { protocols });
      this.#stream.opened.then((info) => this.#opened(info), () => {});
      this.#stream.closed.then(
        ({ closeCode, reason }) => this.#closed(closeCode, reason, true),
        (error) => this.#failed(error, answeredClose?.(error, this.#sentClose)),
      );
      created = this;
    }

    send(data) {
      const size = sizeOf(data);
      this.bufferedAmount += size;
      this.written = this.#writer.write(data).then(() => (this.bufferedAmount -= size), () => {});
    }

    close(closeCode, reason) {
      this.readyState = 2;
      this.#sentClose = closeCode === undefined ? {} : { closeCode, reason };
      this.#stream.close(this.#sentClose);
      // The server's Close frame comes after the messages.
      this.#drain();
    }

    /** Reads one message. Returns whether there was one. */
    async pull() {
      const { value, done } = await this.#reader.read().catch(() => ({ done: true }));
      if (!done) this.dispatchEvent(new MessageEvent("message", { data: value }));
      return !done;
    }

    /** Reads all messages that are left. */
    async #drain() {
      while (this.#reader && (await this.pull()));
    }

    #opened({ readable, writable, protocol, extensions }) {
      Object.assign(this, { readyState: 1, protocol, extensions });
      this.#reader = readable.getReader();
      this.#writer = writable.getWriter();
      for (const { closed } of [this.#reader, this.#writer]) closed.catch(() => {});
      this.dispatchEvent(new Event("open"));
    }

    #failed({ closeCode, reason }, answer) {
      if (answer) return this.#closed(answer.closeCode, answer.reason, true);
      // The platform takes a connection for unclean if data was not sent. The closing handshake has a code nevertheless.
      const isUnsent = this.bufferedAmount > 0 && (closeCode ?? 1006) !== 1006;
      if (isUnsent) this.#closed(closeCode, reason, true);
      else this.#closed(1006, "", false);
    }

    async #closed(code, reason, wasClean) {
      // The platform may report the end before it has handed over the last messages, as Deno does.
      await this.#drain();
      this.readyState = 3;
      this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean }));
    }
  }

  const Class = classOver({ WebSocket: PullingSocket });
  return (url, protocols) => {
    const socket = new Class(url, protocols);
    const pulling = created;
    return { socket, pull: () => pulling.pull(), written: () => pulling.written };
  };
}
