// The check that every program makes with the class that it has loaded.

/** Returns what the class says about an invalid subprotocol. No platform's class says the same. */
export function load(WebSocket) {
  try {
    new WebSocket("ws://localhost/", "chat/2");
    return [];
  } catch ({ name, message }) {
    return [WebSocket.name, name, message];
  }
}

/** Exchanges messages with the server at `url`, and loses a connection to it. Returns all results. */
export async function check(WebSocket, url, threeBytes = new Blob(["abc"])) {
  return [...load(WebSocket), ...(await exchange(WebSocket, url, threeBytes)), ...(await lose(WebSocket, url))];
}

/** Sends two messages to an echo server, and closes when the text arrives. */
async function exchange(WebSocket, url, threeBytes) {
  const results = [];
  const socket = new WebSocket(`${url}/ws?id=consumer`);
  socket.onopen = () => {
    socket.send(threeBytes);
    socket.send("hello");
    // Bun's own class counts none of the 8 bytes, and Deno's not those of the blob.
    results.push(socket.bufferedAmount);
  };
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return;
    results.push(data);
    socket.close(3001, "bye");
  };
  results.push(...(await closed(socket)));
  return results;
}

/** Opens a connection that the server drops. The last result is the last event, because `error` comes only before `close`. */
async function lose(WebSocket, url) {
  const socket = new WebSocket(`${url}/ws?id=consumer&do=drop`);
  let last;
  for (const type of ["error", "close"]) socket.addEventListener(type, () => (last = type));
  const values = await closed(socket);
  await new Promise((resolve) => setTimeout(resolve, 20));
  return [...values, last];
}

/** Returns the values of the `close` event. */
function closed(socket) {
  return new Promise((resolve) => {
    socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
  });
}

/** Exchanges one message over a WebSocketStream. Returns all results. */
export async function checkStream(WebSocketStream, url) {
  const stream = new WebSocketStream(`${url}/ws?id=consumer`);
  const { readable, writable } = await stream.opened;
  await writable.getWriter().write("hello");
  const { value } = await readable.getReader().read();
  stream.close({ closeCode: 3001, reason: "bye" });
  const { closeCode, reason } = await stream.closed;
  return [WebSocketStream.name, value, closeCode, reason];
}
