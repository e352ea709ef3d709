// A program for Node and compatible runtimes. Its argument is the server's URL. It prints its results.

import { WebSocket } from "samesocket";

import { check } from "./check.js";

check(WebSocket, process.argv[2]).then((results) => console.log(JSON.stringify(results)));
