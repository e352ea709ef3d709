// The main entry for `import` in Node and compatible runtimes. It shares the class with `require`.

import samesocket from "./index.cjs";

export const { WebSocket, over } = samesocket;
