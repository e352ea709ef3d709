// A program for a page. It posts its results to the page that embeds it.

import { WebSocket } from "samesocket";

import { check } from "./check.js";

const post = (results) => parent.postMessage(results, "*");
check(WebSocket, new URLSearchParams(location.search).get("url")).then(post, (error) => post(String(error)));
