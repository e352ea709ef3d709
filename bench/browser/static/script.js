// The clients written in JavaScript: classes with the platform's interface.

/** A connection that counts and answers messages. */
class Connection {
  #missing = 0;
  #replies = 0;
  #reply;
  #enough;
  length;

  constructor(WebSocket, url, reply) {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.#reply = reply;
    this.socket = socket;
    this.opened = new Promise((open, fail) => {
      socket.onopen = open;
      socket.onerror = () => fail(new Error("the connection failed"));
    });
    this.closed = new Promise((close) => (socket.onclose = close));
    socket.onmessage = ({ data }) => {
      this.length = typeof data === "string" ? data.length : data.byteLength;
      if ((this.#missing -= 1) === 0) this.#enough?.();
      if (this.#replies > 0) {
        this.#replies -= 1;
        socket.send(this.#reply);
      }
    };
  }

  /** Waits for `count` more messages, some of which may have arrived already, and answers `replies` of them. */
  want(count, replies = 0) {
    this.#replies = replies;
    this.#missing += count;
    if (this.#missing <= 0) return Promise.resolve();
    return Promise.race([
      new Promise((enough) => (this.#enough = enough)),
      this.closed.then(() => Promise.reject(new Error("the connection ended"))),
    ]);
  }

  async close() {
    this.socket.close();
    await this.closed;
  }
}

/** Does a job once with a class. Returns the milliseconds. */
export async function perform(WebSocket, { work, url, text, size, warmup, count }) {
  const letters = "abcdefghijklmnopqrstuvwxyz".repeat(Math.ceil(size / 26)).slice(0, size);
  const payload = text ? letters : new TextEncoder().encode(letters);
  if (work === "connect" || work === "first") return connections(WebSocket, work, url, count);

  const connection = new Connection(WebSocket, url, payload);
  const warm = work === "receive" ? connection.want(warmup) : undefined;
  await connection.opened;
  await (warm ?? exchange(connection, work, payload, warmup));
  const start = performance.now();
  await exchange(connection, work, payload, count);
  const milliseconds = performance.now() - start;
  if (!text && connection.length !== (work === "send" ? 0 : size)) throw new Error(`a message has ${connection.length} bytes`);
  await connection.close();
  return milliseconds;
}

function exchange(connection, work, payload, count) {
  switch (work) {
    case "receive":
      return connection.want(count);
    case "echo": {
      const all = connection.want(count, count - 1);
      connection.socket.send(payload);
      return all;
    }
    default: {
      // The answer to the last message confirms that it has arrived.
      const answer = connection.want(1);
      for (let sent = 0; sent < count; sent += 1) connection.socket.send(payload);
      return answer;
    }
  }
}

async function connections(WebSocket, work, url, count) {
  let milliseconds = 0;
  for (let made = 0; made < count; made += 1) {
    const start = performance.now();
    const connection = new Connection(WebSocket, url);
    if (work === "first") {
      await connection.want(1);
      milliseconds += performance.now() - start;
      await connection.close();
    } else {
      await connection.opened;
      await connection.close();
      milliseconds += performance.now() - start;
    }
  }
  return milliseconds;
}
