// One connection: the state machine in WebAssembly, and the platform's socket under it.

import { Handler } from "./handler.js";
import { isBytes, sizeOf } from "./conversions.js";
import { isFull } from "./faults.js";
import { checkClose, Ending, Opening, State, stillConnecting } from "./rules_bg.js";

const { addEventListener, removeEventListener } = EventTarget.prototype;
const { setInterval, clearInterval, setTimeout, clearTimeout } = globalThis;
const { apply } = Reflect;

/** The types of the events that a socket fires. */
export const TYPES = ["open", "message", "error", "close"];

/** The interval in milliseconds at which a Close that waits for blobs reads bufferedAmount. Arbitrary. */
const POLL_INTERVAL = 10;

/**
 * The number of polls without progress after which the Close is sent anyway: 5 s. Arbitrary.
 *
 * In a hidden page it takes longer, because its timers are throttled.
 */
const MAX_IDLE_POLLS = 500;

/** The connection behind one instance of the class. */
export class Connection {
  binaryType = "blob";
  handlers = { open: new Handler(), message: new Handler(), error: new Handler(), close: new Handler() };
  #state;
  #target;
  #platform;
  /** The platform's socket, unless the platform refused to start. Over an engine's class it is the target itself. */
  #platformSocket;
  /** The platform's bufferedAmount at the end of the connection, once it has ended. */
  #bufferedAtEnd;
  #origin;
  #sentBlob = false;
  #isClosing = false;
  #readyState;
  #listensForMessages = true;
  #failTimer;
  #pollTimer;
  /** The first listeners of the platform's events. Functions, because an engine calls them faster than objects. */
  #listeners = {
    open: (event) => this.#accepts(event, "open") && this.#opened(event),
    message: (event) => this.#accepts(event, "message") && this.#received(event),
    error: (event) => this.#accepts(event, "error") && this.#failed(event),
    close: (event) => this.#accepts(event, "close") && this.#closed(event),
  };

  constructor(platform, url, protocols, target, platformSocket) {
    this.url = url;
    this.#state = new State(protocols);
    this.#platform = platform;
    this.#target = target;
    this.#platformSocket = platformSocket;
    if (platformSocket) {
      platform.setBinaryType(platformSocket, this.binaryType);
      // No script has the object yet, and capturing listeners come first. So these run before all others.
      for (const type of TYPES) platform.addEventListener(platformSocket, type, this.#listeners[type]);
    } else {
      this.#queueFailure();
    }
  }

  get readyState() {
    const readyState = this.#state.readyState(this.#platformState());
    if (readyState !== this.#readyState) this.#updateMessageListener();
    return (this.#readyState = readyState);
  }

  get bufferedAmount() {
    return this.#queued() + this.#state.discarded();
  }

  get extensions() {
    return this.#state.extensions();
  }

  get protocol() {
    return this.#state.protocol();
  }

  setBinaryType(value) {
    this.binaryType = value;
    if (this.#platformSocket) this.#platform.setBinaryType(this.#platformSocket, value);
  }

  send(data) {
    if (!this.#state.maySend(this.#platformState())) {
      this.#updateMessageListener();
      if (!this.#state.discard(sizeOf(data))) throw stillConnecting();
      return;
    }
    this.#sentBlob ||= typeof data === "object" && !isBytes(data);
    try {
      this.#platform.send(this.#platformSocket, data);
    } catch (exception) {
      // The data is valid, so any other exception is a fault of the platform, which the program has to see.
      if (!isFull(exception)) throw exception;
      this.#state.flagAsFull(sizeOf(data));
      this.#updateMessageListener();
      this.#tryToClosePlatformSocket();
    }
  }

  close(code, reason) {
    const sent = checkClose(code, reason);
    const mustClose = this.#state.close(this.#platformState());
    this.#updateMessageListener();
    if (!mustClose || !this.#platformSocket) return;
    // An absent code is left out, because an engine converts `undefined` to zero.
    const frame = sent === undefined ? [] : reason ? [sent, reason] : [sent];
    if (this.#sentBlob && this.#queued() > 0) this.#closeAfterBlobs(frame);
    else this.#closePlatformSocket(frame);
  }

  /** Returns whether to handle an event now. */
  #accepts(event, type) {
    // An event that a script dispatches at the platform's object is only for the script's listeners.
    if (this.#isPlatformSocket()) return event.isTrusted;
    // Unlike an engine's, a socket that is written in JavaScript may fire events inside `close`. They are postponed.
    if (this.#isClosing) setTimeout(() => this.#listeners[type](event), 0);
    return !this.#isClosing;
  }

  /**
   * Adds or removes our message listener. It is needed only while the state withholds messages.
   *
   * A second listener makes an event half as slow again. Engines fire no message after `close`, unless `close` waits for
   * blobs. A message that arrives meanwhile still reaches capturing listeners that were added before.
   */
  #updateMessageListener() {
    if (!this.#isPlatformSocket() || this.#bufferedAtEnd !== undefined) return;
    const listens = !this.#state.received();
    if (listens === this.#listensForMessages) return;
    this.#listensForMessages = listens;
    const change = listens ? this.#platform.addEventListener : this.#platform.removeEventListener;
    change(this.#platformSocket, "message", this.#listeners.message);
  }

  #opened(event) {
    const platformSocket = this.#platformSocket;
    const protocol = this.#platform.protocol(platformSocket);
    switch (this.#state.established(protocol, this.#platform.extensions(platformSocket))) {
      case Opening.Open:
        this.#updateMessageListener();
        return this.#fire(() => new Event("open"));
      case Opening.Fail:
        this.#withhold(event);
        this.#tryToClosePlatformSocket();
        return this.#end(this.#state.closedAbnormally());
      default:
        return this.#withhold(event);
    }
  }

  #received(event) {
    if (!this.#state.received()) return this.#withhold(event);
    this.#fire(() => this.#platform.messageEvent(event, this.binaryType, (this.#origin ??= new URL(this.url).origin)));
  }

  #failed(event) {
    // `error` is fired together with the `close` that follows. An engine may omit that `close`, so a task fires it.
    this.#withhold(event);
    this.#state.failed();
    this.#queueFailure();
  }

  #closed(event) {
    for (const type of TYPES) this.#platform.removeEventListener(this.#platformSocket, type, this.#listeners[type]);
    const values = this.#platform.closed(event, this.#platformSocket);
    this.#end(this.#state.closed(values.code, values.reason, values.wasClean), event, values);
  }

  /**
   * Fires the events at the end of the connection. `event` is the platform's `close` event, if it fired one, with these
   * values.
   */
  #end(ending, event, values) {
    const isAsReported = ending === Ending.AsReported || ending === Ending.AfterError;
    if (values && !isAsReported) this.#withhold(event);
    if (ending === Ending.Nothing) return;
    clearTimeout(this.#failTimer);
    clearInterval(this.#pollTimer);
    // Without a `close` of the platform, it may still fire messages, which must be withheld.
    if (!values) this.#updateMessageListener();
    this.#bufferedAtEnd = this.#queued();
    if (ending !== Ending.AsReported) this.#dispatch(new Event("error"));
    if (isAsReported) this.#fire(() => this.#platform.closeEvent(values));
    else this.#dispatch(this.#platform.closeEvent({ code: this.#state.closeCode() }));
  }

  /** Lets an engine's event reach the listeners. If the platform's object is another one, dispatches our own event. */
  #fire(create) {
    if (!this.#isPlatformSocket()) this.#dispatch(create());
  }

  /** Keeps an event from the listeners. */
  #withhold(event) {
    if (this.#isPlatformSocket()) event.stopImmediatePropagation();
  }

  #isPlatformSocket() {
    return this.#target === this.#platformSocket;
  }

  #dispatch(event) {
    this.#platform.dispatch(this.#target, event);
  }

  #queueFailure() {
    this.#failTimer = setTimeout(() => this.#end(this.#state.closedAbnormally()), 0);
  }

  /**
   * Closes once the platform has sent its queue, or makes no more progress.
   *
   * In WebKit a Close overtakes a blob that was sent before, and the blob is lost.
   */
  #closeAfterBlobs(frame) {
    let least = this.#queued();
    let idlePolls = 0;
    this.#pollTimer = setInterval(() => {
      const queued = this.#queued();
      idlePolls = queued < least ? 0 : idlePolls + 1;
      least = Math.min(least, queued);
      if (queued > 0 && idlePolls < MAX_IDLE_POLLS) return;
      clearInterval(this.#pollTimer);
      this.#tryToClosePlatformSocket(frame);
    }, POLL_INTERVAL);
  }

  /** Closes where no caller could handle an exception of the platform. The connection then fails. */
  #tryToClosePlatformSocket(frame) {
    try {
      this.#closePlatformSocket(frame);
    } catch {
      // The failure is queued.
    }
  }

  #closePlatformSocket(frame = []) {
    this.#isClosing = true;
    try {
      this.#platform.close(this.#platformSocket, frame);
    } catch (exception) {
      // The platform may never report the end of this connection.
      this.#queueFailure();
      throw exception;
    } finally {
      this.#isClosing = false;
    }
  }

  #queued() {
    return this.#bufferedAtEnd ?? (this.#platformSocket ? this.#platform.bufferedAmount(this.#platformSocket) : 0);
  }

  #platformState() {
    return this.#platformSocket ? this.#platform.readyState(this.#platformSocket) : 0;
  }
}
