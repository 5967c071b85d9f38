// The harness of a cluster cuts connections as a network does.

import { expect, test } from "bun:test";
import { connect } from "node:net";
import { Gate } from "../../scripts/load/cluster/gate.ts";
import { isOfOne } from "../../scripts/load/cluster/ports.ts";

/** Says back what it hears. */
function echo() {
  return Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket, bytes) => void socket.write(bytes) },
  });
}

async function open(port: number) {
  const socket = connect({ host: "127.0.0.1", port });
  await new Promise((resolve) => socket.once("connect", resolve));
  const heard: string[] = [];
  socket.on("data", (bytes) => heard.push(String(bytes)));
  socket.on("error", () => undefined);
  const says = async (text: string) => {
    const before = heard.length;
    socket.write(text);
    while (heard.length === before) await Bun.sleep(1);
    return heard.at(-1);
  };
  return { socket, heard, says };
}

test("a gate passes on, is silent while it is shut, and breaks what was silent when it opens", async () => {
  using server = echo();
  await using gate = await Gate.open(server.port);
  const { socket, heard, says } = await open(gate.port);
  expect(await says("one")).toBe("one");
  await gate.shut();
  socket.write("two");
  const late = await open(gate.port);
  late.socket.write("three");
  // Another way to the same server is not shut, and has passed on meanwhile.
  await using beside = await Gate.open(server.port);
  expect(await (await open(beside.port)).says("four")).toBe("four");
  expect([heard, late.heard]).toEqual([["one"], []]);
  const broken = new Promise((resolve) => socket.once("close", resolve));
  gate.open();
  await broken;
  expect(await (await open(gate.port)).says("five")).toBe("five");
});

test("a gate that is shut for one process passes on what others send", async () => {
  using server = echo();
  await using gate = await Gate.open(server.port);
  await gate.shut(async (port) => !(await isOfOne(port, [process.ppid])));
  expect(await (await open(gate.port)).says("one")).toBe("one");
  await gate.shut(async (port) => !(await isOfOne(port, [process.pid])));
  const kept = await open(gate.port);
  kept.socket.write("two");
  await using beside = await Gate.open(server.port);
  expect(await (await open(beside.port)).says("three")).toBe("three");
  expect(kept.heard).toEqual([]);
});
