// A module that a server renders without a global WebSocket, and that the page runs again. It prints what it has loaded.

import { WebSocket } from "samesocket";

const results = [typeof globalThis.WebSocket, typeof WebSocket];
try {
  new WebSocket("ws://localhost/");
} catch ({ name }) {
  results.push(name);
}
console.log(JSON.stringify(results));
