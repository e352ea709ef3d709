// A program for a page, which loads the WebAssembly file. It posts its results to the page that embeds it.

import { WebSocket } from "samesocket/fetch";

import { check } from "./check.js";

const post = (results) => parent.postMessage(results, "*");
check(WebSocket, new URLSearchParams(location.search).get("url")).then(post, (error) => post(String(error)));
