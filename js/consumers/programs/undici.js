// A program for a Node without a global WebSocket. Its argument is the server's URL. It prints its results.

import { over } from "samesocket";
import * as undici from "undici";

import { check } from "./check.js";

check(over(undici), process.argv[2]).then((results) => console.log(JSON.stringify(results)));
