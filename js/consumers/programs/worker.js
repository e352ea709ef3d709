// A worker for workerd. Its response is the results of the check with the server that `?server=` names.

import { WebSocket } from "samesocket";

import { check } from "./check.js";

export default {
  async fetch({ url }) {
    return Response.json(await check(WebSocket, new URL(url).searchParams.get("server")));
  },
};
