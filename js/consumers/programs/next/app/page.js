// The server runs this for each request, with the WebSocket that Next.js brings to a Node without one.

import { WebSocket } from "samesocket";

import { check } from "../../check.js";
import { Client } from "./client.js";

export default async function Page({ searchParams }) {
  const { url } = await searchParams;
  // Not a blob, which the class of Next.js does not send.
  return <Client results={await check(WebSocket, url, new Uint8Array(3))} />;
}
