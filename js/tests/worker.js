// The globals of the conformance scripts in workerd: the package's entry for it.

import { WebSocket } from "../index.workerd.js";

globalThis.samesocket = { WebSocket };
// The tests take a runtime with this property for a page.
delete globalThis.self;
