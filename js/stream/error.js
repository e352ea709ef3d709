// WebSocketError, the exception of a WebSocketStream.

import { toCloseInfo } from "./dictionaries.js";

const Platform = globalThis.WebSocketError;

/** Creates the class. `Unconnected` checks codes and reasons. */
export function errorOver(Unconnected) {
  let checker;
  let create;

  const { WebSocketError } = { WebSocketError: class extends DOMException {
    #closeCode;
    #reason;

    constructor(message = "", init = undefined) {
      super(message, "WebSocketError");
      const { closeCode, reason } = toCloseInfo(init);
      (checker ??= new Unconnected("ws://unconnected.invalid/")).close(closeCode, reason);
      this.#closeCode = closeCode ?? (reason ? 1000 : null);
      this.#reason = reason;
    }

    get closeCode() {
      return this.#closeCode;
    }

    get reason() {
      return this.#reason;
    }

    static {
      create = (message, closeCode, reason) => {
        const error = new WebSocketError(message);
        error.#closeCode = closeCode;
        error.#reason = reason;
        return error;
      };
    }
  } };
  for (const name of ["closeCode", "reason"]) Object.defineProperty(WebSocketError.prototype, name, { enumerable: true });
  Object.defineProperty(WebSocketError.prototype, Symbol.toStringTag, { value: "WebSocketError", configurable: true });

  return {
    WebSocketError,
    /** Creates an error with any code, which a program cannot. */
    create,
    /** Returns the code and the reason with which a reason of `cancel` or `abort` closes the connection. */
    closeInfo(reason) {
      const isError = reason instanceof WebSocketError || (typeof Platform === "function" && reason instanceof Platform);
      return isError ? [reason.closeCode ?? undefined, reason.reason] : [];
    },
  };
}
