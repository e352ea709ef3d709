// A minimal program that a bundler builds, with the entry that loads the WebAssembly file.

import { WebSocket } from "samesocket/fetch";

const socket = new WebSocket(new URLSearchParams(location.search).get("url"));
socket.onclose = ({ code }) => parent.postMessage([socket.constructor === WebSocket, code], "*");
