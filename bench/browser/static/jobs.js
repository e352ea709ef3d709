// What every client does, on the platform's socket and on what stands in for it.

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = [["64", 64], ["1k", KIB], ["16k", 16 * KIB], ["1m", MIB]];

/** No job moves more than this in one turn: what is sent waits in memory. */
const MOST_RECEIVED = 128 * MIB;
const MOST_SENT = 32 * MIB;

/** Nor is one longer than so many messages where they cost next to nothing. */
const MOST_IN_PAGE = 500_000;

const floods = (work, sizes) =>
  sizes.flatMap(([name, size]) =>
    [false, true].map((text) => ({
      name: `${work === "receive" ? "recv" : "send"}${text ? "text" : ""}${name}`,
      work,
      text,
      size,
      most: Math.max(4, Math.floor((work === "receive" ? MOST_RECEIVED : MOST_SENT) / size)),
    })),
  );

const echo64 = { name: "lat64", work: "echo", text: false, size: 64, most: 100_000 };

/** The sets of jobs; a quick run leaves out what lies between. */
export function sets(isQuick) {
  const sizes = isQuick ? SIZES.filter(([name]) => name !== "1k") : SIZES;
  // In all rounds together, 1,000 and more.
  const connections = isQuick ? 20 : 50;
  return {
    socket: [
      echo64,
      ...floods("receive", sizes),
      ...floods("send", sizes),
      { name: "connect", work: "connect", text: false, size: 64, fixed: connections, most: connections },
      { name: "first", work: "first", text: false, size: 64, fixed: connections / 5, most: connections },
    ],
    // Nothing waits in memory there.
    page: [echo64, ...floods("receive", sizes), ...floods("send", sizes)].map((job) => ({ ...job, most: MOST_IN_PAGE })),
  };
}

/** The path by which the server, or what stands in for it, learns of a job. */
export function path({ work, text, size }, warmup, count) {
  const kind = text ? "text" : "binary";
  switch (work) {
    case "receive":
      return `/flood/${kind}/${size}/${warmup + count}`;
    case "send":
      return `/discard/${warmup}/${count}`;
    case "first":
      return `/flood/${kind}/${size}/1`;
    default:
      return `/echo/${kind}/${size}`;
  }
}
