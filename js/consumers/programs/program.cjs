// A program in CommonJS. Its argument is the server's URL. It prints its results.

const { WebSocket } = require("samesocket");

import("./check.js").then(({ check }) => check(WebSocket, process.argv[2])).then((results) => console.log(JSON.stringify(results)));
