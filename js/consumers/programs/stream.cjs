// A program in CommonJS with streams. Its argument is the server's URL. It prints its results.

const { WebSocketStream } = require("samesocket/stream");

import("./check.js").then(({ checkStream }) => checkStream(WebSocketStream, process.argv[2])).then((results) => console.log(JSON.stringify(results)));
