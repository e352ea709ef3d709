// A program that loads the package in both ways. It prints whether both have the same class.

const { WebSocket } = require("samesocket");

import("samesocket").then((module) => console.log(JSON.stringify([WebSocket === module.WebSocket])));
