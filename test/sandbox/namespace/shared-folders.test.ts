// Volumes in a real sandbox: shared as they are mapped.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { bootOne, command, namespaceHost, patienceMs } from "./machine.ts";

let root: string;
let host: NamespaceHost;
let sandbox: Sandbox;
beforeAll(async () => {
  mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
  root = mkdtempSync("/tmp/msb-mcp-tests/volumes-");
  for (const name of ["work", "reference"]) {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, "given.txt"), `from ${name}\n`);
    // As private as folders of an operator may be.
    chmodSync(join(root, name), 0o700);
  }
  host = namespaceHost([
    { hostPath: join(root, "work"), guestPath: "/data", readOnly: false },
    { hostPath: join(root, "reference"), guestPath: "/home/user/reference", readOnly: true },
  ]);
  sandbox = await bootOne(host, "volumes");
}, patienceMs);
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
}, patienceMs);

test("both can be read", async () => {
  const { stdout } = await command(sandbox, "cat /data/given.txt ~/reference/given.txt");
  expect(stdout).toBe("from work\nfrom reference\n");
});

test("what a guest writes to a shared folder is on the host", async () => {
  expect((await command(sandbox, "mkdir /data/made && echo new > /data/made/note.txt")).end.success).toBe(true);
  expect(readFileSync(join(root, "work/made/note.txt"), "utf8")).toBe("new\n");
});

test("writing to a read-only one fails, in every way", async () => {
  for (const attempt of [
    "touch ~/reference/x",
    "rm ~/reference/given.txt",
    "echo x >> ~/reference/given.txt",
    "chmod 777 ~/reference",
  ]) {
    const ran = await command(sandbox, attempt);
    expect(ran.end.success).toBe(false);
    expect(ran.stderr).toContain("Read-only file system");
  }
  expect(readdirSync(join(root, "reference"))).toEqual(["given.txt"]);
});

test("a link that a guest plants in a shared folder leads it nowhere on the host", async () => {
  const ran = await command(sandbox, "ln -s /etc/shadow /data/link; cat /data/link");
  expect(ran.end.success).toBe(false);
});
