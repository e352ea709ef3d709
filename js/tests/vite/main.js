// A program as anybody would write it, for a bundler to find the package and its WebAssembly.

import { WebSocket } from "samesocket";

const socket = new WebSocket(new URLSearchParams(location.search).get("url"));
socket.onclose = ({ code }) => parent.postMessage([socket.constructor === WebSocket, code], "*");
