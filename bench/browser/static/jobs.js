// The jobs of every client, on the platform's socket and on the stand-in.

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = [["64", 64], ["1k", KIB], ["16k", 16 * KIB], ["1m", MIB]];

/** The most bytes of a sample, because sent messages are buffered in memory. */
const MOST_RECEIVED = 128 * MIB;
const MOST_SENT = 32 * MIB;

/** The most messages of a sample with the stand-in, where messages cost almost nothing. */
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

/** Returns the sets of jobs; a quick run leaves out sizes in between. */
export function sets(isQuick) {
  const sizes = isQuick ? SIZES.filter(([name]) => name !== "1k") : SIZES;
  // The rounds together have 1,000 or more.
  const connections = isQuick ? 20 : 50;
  return {
    socket: [
      echo64,
      ...floods("receive", sizes),
      ...floods("send", sizes),
      { name: "connect", work: "connect", text: false, size: 64, fixed: connections, most: connections },
      { name: "first", work: "first", text: false, size: 64, fixed: connections / 5, most: connections },
    ],
    // The stand-in buffers nothing.
    page: [echo64, ...floods("receive", sizes), ...floods("send", sizes)].map((job) => ({ ...job, most: MOST_IN_PAGE })),
  };
}

/** Returns the path that tells the server, or the stand-in, the job. */
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
