// A minimal program that a bundler builds, with the package and its WebAssembly.

import { WebSocket } from "samesocket";

const socket = new WebSocket(new URLSearchParams(location.search).get("url"));
socket.onclose = ({ code }) => parent.postMessage([socket.constructor === WebSocket, code], "*");
