// Event handlers: the values of `onopen`, `onmessage`, `onerror` and `onclose`.
// https://html.spec.whatwg.org/multipage/webappapis.html#event-handlers

import { isObject } from "./conversions.js";

const { addEventListener, removeEventListener } = EventTarget.prototype;
const { apply } = Reflect;

/** One event handler: a listener that keeps its position at the target until the handler is set to null. */
export class Handler {
  callback = null;
  #listener;

  set(target, type, value) {
    const had = this.callback !== null;
    // [LegacyTreatNonObjectAsNull]: an object that is not callable is kept, too.
    this.callback = isObject(value) ? value : null;
    const has = this.callback !== null;
    // A function, because an engine would look up `handleEvent` on an object for each event.
    this.#listener ??= (event) => this.#call(event);
    if (has && !had) apply(addEventListener, target, [type, this.#listener]);
    if (had && !has) apply(removeEventListener, target, [type, this.#listener]);
  }

  #call(event) {
    const { callback } = this;
    // The dispatcher of the event reports an exception, as for any listener.
    if (typeof callback === "function" && apply(callback, event.currentTarget, [event]) === false) event.preventDefault();
  }
}
