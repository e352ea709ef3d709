// Event handlers: what `onopen` and its like hold.
// https://html.spec.whatwg.org/multipage/webappapis.html#event-handlers

import { isObject } from "./conversions.js";

const { addEventListener, removeEventListener } = EventTarget.prototype;
const { apply } = Reflect;

/** One event handler: a listener at the target from when it is set until it is null, in the same place all the while. */
export class Handler {
  callback = null;
  #listener;

  set(target, type, value) {
    const had = this.callback !== null;
    // [LegacyTreatNonObjectAsNull]: an object that cannot be called is kept all the same.
    this.callback = isObject(value) ? value : null;
    const has = this.callback !== null;
    // A function, because an engine looks up `handleEvent` for each event.
    this.#listener ??= (event) => this.#call(event);
    if (has && !had) apply(addEventListener, target, [type, this.#listener]);
    if (had && !has) apply(removeEventListener, target, [type, this.#listener]);
  }

  #call(event) {
    const { callback } = this;
    // What it throws is for whoever dispatches to report, as of any listener.
    if (typeof callback === "function" && apply(callback, event.currentTarget, [event]) === false) event.preventDefault();
  }
}
