// The calls of event handlers by workerd. For each event it reads the attribute of the target, such as `onmessage`, and calls
// the function before all listeners. The class has its own listener for the handler, at the right position.

import { TYPES } from "./connection.js";

const { apply } = Reflect;
const { dispatchEvent } = EventTarget.prototype;

/** Returns whether the runtime reads event handler attributes itself: once for each event, before the listeners. */
function readsHandlers() {
  let reads = 0;
  class Probe extends EventTarget {
    get onprobe() {
      reads += 1;
      return null;
    }
  }
  new Probe().dispatchEvent(new Event("probe"));
  return reads === 1;
}

/** The reads of event handler attributes that the runtime makes itself, and which find nothing. */
export class HandlerReads {
  #isNeeded = readsHandlers();
  /** The target whose attribute the runtime is going to read next. */
  #target;

  /** Dispatches the events of the class. */
  skipIn(platform) {
    platform.dispatch = (target, event) => this.#dispatch(target, event);
  }

  /** Replaces the attributes of the class, and the method with which a program dispatches events. */
  skipBy(WebSocket) {
    if (!this.#isNeeded) return WebSocket;
    const { prototype } = WebSocket;
    for (const name of TYPES.map((type) => `on${type}`)) this.#replace(prototype, name);
    const dispatch = (target, event) => this.#dispatch(target, event);
    const methods = {
      dispatchEvent(event) {
        return dispatch(this, event);
      },
    };
    Object.defineProperty(prototype, "dispatchEvent", { ...Object.getOwnPropertyDescriptor(methods, "dispatchEvent"), enumerable: false });
    return WebSocket;
  }

  #replace(prototype, name) {
    const { get, ...descriptor } = Object.getOwnPropertyDescriptor(prototype, name);
    const read = (target) => {
      if (target !== this.#target) return apply(get, target, []);
      this.#target = undefined;
      return null;
    };
    const accessor = {
      get [name]() {
        return read(this);
      },
    };
    Object.defineProperty(prototype, name, { ...descriptor, get: Object.getOwnPropertyDescriptor(accessor, name).get });
  }

  #dispatch(target, event) {
    // Events of other types have no attribute that is read.
    if (this.#isNeeded && TYPES.includes(event?.type)) this.#target = target;
    try {
      return apply(dispatchEvent, target, [event]);
    } finally {
      this.#target = undefined;
    }
  }
}
