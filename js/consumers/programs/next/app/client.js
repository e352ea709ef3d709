"use client";
// The server renders this too, and the page runs it. It posts the results of both to the page that embeds it.

import { useEffect } from "react";
import { WebSocket } from "samesocket";

import { check } from "../../check.js";

export function Client({ results }) {
  useEffect(() => {
    const post = (own) => parent.postMessage([...results, ...own], "*");
    check(WebSocket, new URLSearchParams(location.search).get("url")).then(post, (error) => post([String(error)]));
  }, [results]);
  return <p>{results.join(" ")}</p>;
}
