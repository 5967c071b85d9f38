// A microVM whose host was killed while a file was written: the next host reaches its files, and finds nothing under that name.

import { expect, test } from "bun:test";
import { baseName, list, read, write } from "../../contract/files-contract.ts";
import { runIn } from "../../contract/port-contract.ts";
import { createHost, templateOf } from "./host.ts";
import { KilledHost } from "./killed-host.ts";

const signal = new AbortController().signal;

test("files are reached by the next host, and what the killed one was writing is not there under its name", async () => {
  const installationId = crypto.randomUUID().slice(0, 8);
  const spec = { sessionId: "files", template: templateOf("python"), resources: { cpus: 1, memoryMib: 256 } };
  const killed = new KilledHost(installationId);
  const { name } = await killed.create(spec, signal);
  await killed.beginWrite(name, "folder/half");
  await killed.kill();
  await using host = createHost({ installationId });
  const sandbox = await host.survivors?.adopt(name, spec, signal);
  if (sandbox === undefined) throw new Error("its sandboxes survive");
  await write(sandbox.files, "folder/whole", "whole");
  expect(await read(sandbox.files, "folder/whole")).toBe("whole");
  // The runtime ends that program by force, so a hidden file of it may stay.
  const names = (await list(sandbox.files, "folder", 1)).map(baseName);
  expect(names.filter((name) => !name.startsWith(".msb-write-"))).toEqual(["whole"]);
  const count = "grep -l msb-mcp/file[s] /proc/[0-9]*/cmdline 2>/dev/null | wc -l";
  expect((await runIn(sandbox, "command", count)).stdout.trim()).toBe("1");
});
