// Next.js reads the tools and the program, which are in folders beside each other.

import path from "node:path";

export default { turbopack: { root: path.join(import.meta.dirname, "../../..") } };
