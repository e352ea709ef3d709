// Answers a message with a URL: describes the worker's global WebSocket, and how a socket to the URL was closed.

const answer = (port, url) => {
  const socket = new WebSocket(url);
  const isNative = String(WebSocket).includes("[native code]");
  return new Promise((resolve) => {
    socket.onclose = ({ code }) => resolve(port.postMessage([isNative, WebSocket.name, code]));
  });
};

self.onconnect = ({ ports: [port] }) => (port.onmessage = ({ data }) => answer(port, data));
self.onmessage = (event) => {
  const answered = answer(event.ports[0] ?? self, event.data);
  event.waitUntil?.(answered);
};
