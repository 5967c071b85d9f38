// Started by network.test.ts in a network of its own: a server at the first node, asked from the switch and from the second node, before, during and after a cut.

import { layCables, type Spot } from "../../scripts/load/cluster/network.ts";

const port = 8000;
const network = await layCables(2);
const [first, second] = network.nodes;
if (first === undefined || second === undefined) throw new Error("there are no two nodes");
const url = `http://${first.host}:${port}/`;
/** For what comes, and for what is to be lost. Milliseconds. */
const patienceMs = 20_000;
const silenceMs = 2000;

const serve = `Bun.serve({ hostname: "${first.host}", port: ${port}, fetch: () => new Response("here") })`;
const server = Bun.spawn([...first.enter, process.execPath, "--no-env-file", "-e", serve]);
try {
  for (let trial = 0; trial < 500 && (await hears(url)) === "hears nothing"; trial++) await Bun.sleep(20);
  await tell("whole", second, patienceMs);
  await network.cut(first, [second]);
  await tell("cut", second, silenceMs);
  await network.mend();
  await tell("mended", second, patienceMs);
} finally {
  server.kill();
  await server.exited;
}

async function tell(state: string, other: Spot, waitMs: number): Promise<void> {
  const ask = `const told = await fetch("${url}", { signal: AbortSignal.timeout(${waitMs}) }).then((it) => it.text(), () => "");
    console.log(told === "here" ? "hears" : "hears nothing")`;
  const asking = Bun.spawn([...other.enter, process.execPath, "--no-env-file", "-e", ask], { stdout: "pipe" });
  const [hub, heard] = await Promise.all([hears(url), asking.stdout.text()]);
  console.log(`${state}: hub ${hub}, other ${heard.trim()}`);
}

async function hears(at: string): Promise<string> {
  const told = await fetch(at, { signal: AbortSignal.timeout(patienceMs) }).then(
    (it) => it.text(),
    () => "",
  );
  return told === "here" ? "hears" : "hears nothing";
}
