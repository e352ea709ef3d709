// One connection: the state that Rust keeps, and the platform's socket that carries it.

import { Handler } from "./handler.js";
import { isBytes, sizeOf } from "./conversions.js";
import { checkClose, Ending, Opening, State } from "./rules_bg.js";

const { addEventListener, dispatchEvent, removeEventListener } = EventTarget.prototype;
const { setInterval, clearInterval, setTimeout, clearTimeout } = globalThis;
const { apply } = Reflect;

/** The kinds of events that a socket fires. */
export const TYPES = ["open", "message", "error", "close"];

/** How often a Close that waits for blobs looks whether they are gone, in milliseconds. */
const LOOK_EVERY = 10;

/** After how many looks without any progress it waits no longer: 5 s, and more in a hidden page, whose timers are held back. */
const LOOKS = 500;

/** What is behind an instance of the class. */
export class Connection {
  binaryType = "blob";
  handlers = { open: new Handler(), message: new Handler(), error: new Handler(), close: new Handler() };
  #state;
  #target;
  #platform;
  /** The platform's socket, unless the platform refused to start; where it can be, the target itself. */
  #carrier;
  /** What the platform had queued at the end, once that has come. */
  #bufferedAtEnd;
  #sentBlob = false;
  #isClosing = false;
  #readyState;
  #hearsMessages = true;
  #failing;
  #waiting;
  /** What hears of the platform's events, before anybody else; functions, as an engine calls those soonest. */
  #listeners = {
    open: (event) => this.#hears(event) && this.#opened(event),
    message: (event) => this.#hears(event) && (this.#state.received() ? this.#pass(event) : this.#withhold(event)),
    error: (event) => this.#hears(event) && this.#failed(event),
    close: (event) => this.#hears(event) && this.#closed(event),
  };

  constructor(platform, url, protocols, target, carrier) {
    this.url = url;
    this.#state = new State(protocols);
    this.#platform = platform;
    this.#target = target;
    this.#carrier = carrier;
    if (carrier) {
      platform.setBinaryType(carrier, this.binaryType);
      // Nobody can be there before us, and of those who listen at the same object, who captures is first.
      for (const type of TYPES) platform.addEventListener(carrier, type, this.#listeners[type]);
    } else {
      this.#failInATask();
    }
  }

  get readyState() {
    const readyState = this.#state.readyState(this.#platformState());
    if (readyState !== this.#readyState) this.#hearMessages();
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
    if (this.#carrier) this.#platform.setBinaryType(this.#carrier, value);
  }

  send(data) {
    if (!this.#state.maySend(this.#platformState())) {
      this.#hearMessages();
      return this.#state.discard(sizeOf(data));
    }
    this.#sentBlob ||= typeof data === "object" && !isBytes(data);
    try {
      this.#platform.send(this.#carrier, data);
    } catch {
      this.#state.flagAsFull(sizeOf(data));
      this.#hearMessages();
      this.#closeCarrier();
    }
  }

  close(code, reason) {
    const sent = checkClose(code, reason);
    const isToClose = this.#state.close(this.#platformState());
    this.#hearMessages();
    if (!isToClose || !this.#carrier) return;
    // An absent code is left out: an engine takes `undefined` for zero.
    const frame = sent === undefined ? [] : reason ? [sent, reason] : [sent];
    if (this.#sentBlob && this.#queued() > 0) this.#closeAfterBlobs(frame);
    else this.#closeCarrier(frame);
  }

  /** Whether an event is to be taken now. */
  #hears(event) {
    // Whatever a script dispatches at the platform's own object is for its listeners alone.
    if (this.#isCarrier()) return event.isTrusted;
    // Unlike an engine's, a socket that is written in JavaScript may tell of its end while it is being closed.
    if (this.#isClosing) setTimeout(() => this.#listeners[event.type](event), 0);
    return !this.#isClosing;
  }

  /**
   * Listens for messages while the state does not let all pass, which it is asked when that may have changed: an engine
   * takes half as long again for an event that two hear. Engines fire none after `close`, unless that waits for blobs; one
   * that comes meanwhile is heard by who captures and did so before.
   */
  #hearMessages() {
    if (!this.#isCarrier() || this.#bufferedAtEnd !== undefined) return;
    const hears = !this.#state.received();
    if (hears === this.#hearsMessages) return;
    this.#hearsMessages = hears;
    const change = hears ? this.#platform.addEventListener : this.#platform.removeEventListener;
    change(this.#carrier, "message", this.#listeners.message);
  }

  #opened(event) {
    const carrier = this.#carrier;
    switch (this.#state.established(this.#platform.protocol(carrier), this.#platform.extensions(carrier))) {
      case Opening.Open:
        this.#hearMessages();
        return this.#pass(event);
      case Opening.Fail:
        this.#withhold(event);
        this.#closeCarrier();
        return this.#end(this.#state.closedAbnormally());
      default:
        return this.#withhold(event);
    }
  }

  #failed(event) {
    // It is fired with the `close` that follows; an engine may forget that one.
    this.#withhold(event);
    this.#state.failed();
    this.#failInATask();
  }

  #closed(event) {
    for (const type of TYPES) this.#platform.removeEventListener(this.#carrier, type, this.#listeners[type]);
    this.#end(this.#state.closed(event.code, event.reason, event.wasClean), event);
  }

  /** Fires what the end of the connection comes to; the platform may have told it by an event. */
  #end(ending, event) {
    const isAsReported = ending === Ending.AsReported || ending === Ending.AfterError;
    if (event && !isAsReported) this.#withhold(event);
    if (ending === Ending.Nothing) return;
    clearTimeout(this.#failing);
    clearInterval(this.#waiting);
    // After an end that the platform told nothing of, it may still fire.
    if (!event) this.#hearMessages();
    this.#bufferedAtEnd = this.#queued();
    if (ending !== Ending.AsReported) this.#dispatch(new Event("error"));
    if (isAsReported) this.#pass(event);
    else this.#dispatch(this.#platform.closeEvent(this.#state.closeCode()));
  }

  /** Lets an event reach the listeners: where the platform's object is another, by a copy. */
  #pass(event) {
    if (!this.#isCarrier()) this.#dispatch(copy(event));
  }

  #withhold(event) {
    if (this.#isCarrier()) event.stopImmediatePropagation();
  }

  #isCarrier() {
    return this.#target === this.#carrier;
  }

  #dispatch(event) {
    apply(dispatchEvent, this.#target, [event]);
  }

  #failInATask() {
    this.#failing = setTimeout(() => this.#end(this.#state.closedAbnormally()), 0);
  }

  /**
   * A Close must not overtake a blob that was sent before, but in WebKit it does, and the blob is lost. So it waits until
   * the platform has nothing queued, or takes no more.
   */
  #closeAfterBlobs(frame) {
    let least = this.#queued();
    let looks = 0;
    this.#waiting = setInterval(() => {
      const queued = this.#queued();
      looks = queued < least ? 0 : looks + 1;
      least = Math.min(least, queued);
      if (queued > 0 && looks < LOOKS) return;
      clearInterval(this.#waiting);
      this.#closeCarrier(frame);
    }, LOOK_EVERY);
  }

  #closeCarrier(frame = []) {
    this.#isClosing = true;
    try {
      this.#platform.close(this.#carrier, frame);
    } finally {
      this.#isClosing = false;
    }
  }

  #queued() {
    return this.#bufferedAtEnd ?? (this.#carrier ? this.#platform.bufferedAmount(this.#carrier) : 0);
  }

  #platformState() {
    return this.#carrier ? this.#platform.readyState(this.#carrier) : 0;
  }
}

/** An event of the same kind with the same data, which is neither read nor copied. */
const copy = (event) => new event.constructor(event.type, event);
