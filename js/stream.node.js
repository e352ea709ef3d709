// The entry for `import` in Node and compatible runtimes with WebSocketStream. It shares the classes with `require`.

import stream from "./stream.cjs";

export const { WebSocketStream, WebSocketError, over } = stream;
