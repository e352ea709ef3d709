// The exceptions that a platform throws although the arguments are valid, and what they mean.

/** Exceptions of `send` that say that the data is too much: for memory, for a limit, or for the platform's queue. */
const FULL = ["RangeError", "InternalError", "QuotaExceededError"];

/** The messages of a stack overflow, which has the same name as a failed allocation. */
const RECURSION = /call stack|recursion/i;

/** Exceptions of a constructor that say that this connection is refused. The arguments are valid. */
const REFUSED = ["SyntaxError", "SecurityError"];

/**
 * Returns whether an exception of `send` says that the platform cannot queue the data, where the Standard closes.
 *
 * Firefox throws NS_ERROR_FILE_TOO_BIG for a blob of more than 4 GiB. Other engines close by themselves. A class that is
 * written in JavaScript throws what its engine throws when an allocation fails.
 */
export const isFull = (exception) =>
  exception === "out of memory" || (isOneOf(exception, FULL) && !RECURSION.test(String(exception.message)));

/**
 * Returns whether an exception of the constructor says that the platform refuses the connection, where the Standard fires
 * events.
 *
 * Chromium throws SecurityError for mixed content. undici throws SyntaxError for subprotocols that differ in case only.
 */
export const isRefusal = (exception) => exception instanceof DOMException || isOneOf(exception, REFUSED);

/** Firefox's own errors are neither of class Error nor DOMException. Their names start with `NS_ERROR_`. */
function isOneOf(exception, names) {
  const name = String(exception?.name);
  return names.includes(name) || name.startsWith("NS_ERROR_");
}
