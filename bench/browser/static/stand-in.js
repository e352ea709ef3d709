// A stand-in for the platform's class that shows a client's own cost: without processes and network, it dispatches
// every event synchronously from a microtask.

const { toString } = Function.prototype;
const { addEventListener, removeEventListener } = EventTarget.prototype;
const { apply } = Reflect;

/** The argument of a listener: an object with the members of an event. */
class PlainEvent {
  isTrusted = true;

  constructor(type, target, data) {
    this.type = type;
    this.currentTarget = this.target = target;
    this.data = data;
  }

  stopImmediatePropagation() {}
}

/** A stand-in for `WebSocket`. It understands the paths of the bench's server: `/echo/SIZE`, `/flood/KIND/SIZE/COUNT`, `/discard/WARMUP/COUNT`. */
export class StandIn {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;

  #listeners = { open: [], message: [], error: [], close: [] };
  #readyState = StandIn.CONNECTING;
  #url;
  #work;
  #data;
  #count;
  #warmup = 0;
  binaryType = "blob";
  // As in an engine, every socket has these attributes, and no event is looked up by its name: that takes longer for a
  // client with listeners than for one with handlers.
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;

  constructor(url) {
    this.#url = url;
    const [, work, ...rest] = new URL(url).pathname.split("/");
    this.#work = work;
    if (work === "discard") this.#data = new ArrayBuffer(0);
    else this.#data = payload(rest[0] === "text", Number(rest[1]));
    this.#count = Number(rest.at(-1));
    if (work === "discard") this.#warmup = Number(rest[0]);
    setTimeout(() => this.#open());
  }

  static is(object) {
    return #url in object;
  }

  /** Adds a listener, even if the object has another prototype. */
  static listen(socket, type, listener) {
    socket.#listeners[type].push(typeof listener === "function" ? listener : (event) => listener.handleEvent(event));
  }

  get url() {
    return this.#url;
  }

  get readyState() {
    return this.#readyState;
  }

  get bufferedAmount() {
    return 0;
  }

  get protocol() {
    return "";
  }

  get extensions() {
    return "";
  }

  addEventListener(type, listener) {
    StandIn.listen(this, type, listener);
  }

  removeEventListener(type, listener) {
    this.#listeners[type] = this.#listeners[type].filter((other) => other !== listener);
  }

  dispatchEvent() {
    return true;
  }

  send() {
    if (this.#work === "echo") queueMicrotask(() => this.#deliver());
    else if (this.#work === "discard" && this.#isAnswered()) queueMicrotask(() => this.#deliver());
  }

  /** Returns whether the sent message is the last one of the warm-up or of the job. */
  #isAnswered() {
    if (this.#warmup > 0) return --this.#warmup === 0;
    return --this.#count === 0;
  }

  close() {
    if (this.#readyState >= StandIn.CLOSING) return;
    this.#readyState = StandIn.CLOSING;
    setTimeout(() => {
      this.#readyState = StandIn.CLOSED;
      const event = Object.assign(new PlainEvent("close", this), { code: 1000, reason: "", wasClean: true });
      this.#fire(event, this.onclose, this.#listeners.close);
    });
  }

  #open() {
    this.#readyState = StandIn.OPEN;
    this.#fire(new PlainEvent("open", this), this.onopen, this.#listeners.open);
    // Messages come in tasks after `open`, as in an engine, because some clients start to listen only then.
    if (this.#work === "flood") setTimeout(() => this.#flood());
  }

  async #flood() {
    for (let left = this.#count; left > 0 && this.#readyState === StandIn.OPEN; left -= 1) {
      this.#deliver();
      // Run all microtasks before the next message, as between an engine's tasks.
      await null;
    }
  }

  #deliver() {
    if (this.#readyState !== StandIn.OPEN) return;
    this.#fire(new PlainEvent("message", this, this.#data), this.onmessage, this.#listeners.message);
  }

  #fire(event, handler, listeners) {
    if (handler) handler.call(this, event);
    for (const listener of listeners) listener.call(this, event);
  }
}

function payload(isText, size) {
  if (isText) return "abcdefghijklmnopqrstuvwxyz".repeat(Math.ceil(size / 26)).slice(0, size);
  return new ArrayBuffer(size);
}

// The npm package's class copies each message for a class that is not native, and calls members of `EventTarget.prototype`.
// So the source of this one looks native, and adds listeners through `EventTarget`'s own function. Both are replaced before
// the package is loaded.
Function.prototype.toString = function () {
  return this === StandIn ? "function StandIn() { [native code] }" : apply(toString, this, []);
};
EventTarget.prototype.addEventListener = function (type, listener, options) {
  if (StandIn.is(this)) return StandIn.listen(this, type, listener);
  return apply(addEventListener, this, [type, listener, options]);
};
EventTarget.prototype.removeEventListener = function (type, listener, options) {
  if (!StandIn.is(this)) apply(removeEventListener, this, [type, listener, options]);
};
