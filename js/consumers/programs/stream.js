// A program for Node and compatible runtimes with streams. Its argument is the server's URL. It prints its results.

import { WebSocketStream } from "samesocket/stream";

import { checkStream } from "./check.js";

checkStream(WebSocketStream, process.argv[2]).then((results) => console.log(JSON.stringify(results)));
