importScripts("../package/dist/auto.classic.js", "answer.js");
