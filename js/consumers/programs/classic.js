// A program for a page that has loaded the classic script. It posts its results to the page that embeds it.

const post = (results) => parent.postMessage(results, "*");
import("./check.js")
  .then(({ check }) => check(samesocket.WebSocket, new URLSearchParams(location.search).get("url")))
  .then(post, (error) => post(String(error)));
