// The end of a connection in Deno, where WebSocketStream sometimes reports a clean end as a failure.
//
// After `close`, two of its reads wait for the server's Close frame. One of them gets it. If the other one is dispatched first, it
// fails with an exception whose message is the reason in that frame.

/**
 * Returns the code and the reason of a Close frame that answered ours, or `undefined` if the connection failed.
 *
 * The code is ours, because the exception has none, and a server answers with the same.
 */
export function answeredClose({ message, closeCode }, sent) {
  if (!sent || closeCode != null || message !== (sent.reason ?? "")) return undefined;
  return { closeCode: sent.closeCode ?? 1005, reason: message };
}
