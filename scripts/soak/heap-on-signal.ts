// Preloaded into the server that is soaked: on SIGUSR2 it collects garbage and writes one line with the heap's size to stderr.

import { heapStats } from "bun:jsc";

process.on("SIGUSR2", () => {
  Bun.gc(true);
  const { heapSize, objectCount } = heapStats();
  process.stderr.write(`${JSON.stringify({ event: "soak.heap", heapBytes: heapSize, objects: objectCount })}\n`);
});
