// What a guest can see and touch of this machine: nothing but what it is meant to.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import type { NamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { bootOne, command, namespaceHost, patienceMs, pythonTemplate, readText } from "./machine.ts";

let host: NamespaceHost;
let sandbox: Sandbox;
beforeAll(async () => {
  host = namespaceHost();
  sandbox = await bootOne(host, "isolation");
}, patienceMs);
afterAll(() => host[Symbol.asyncDispose](), patienceMs);

const says = async (source: string) => (await command(sandbox, source)).stdout;

test("a guest has no network but its own loopback", async () => {
  expect(await says("sed 1,2d /proc/net/dev | cut -d: -f1 | tr -d ' '")).toBe("lo\n");
  expect(await says("cat /proc/net/route | sed 1d")).toBe("");
});

test("a guest sees none of the host's homes, settings and state", async () => {
  expect(await says("ls /root /home /srv /mnt /opt /sys /boot 2>/dev/null")).toBe("/home:\nuser\n");
  expect(await says("ls /etc/shadow /etc/ssh /etc/hostname /etc/environment 2>/dev/null")).toBe("/etc/hostname\n");
  expect(await says("cat /etc/passwd")).not.toContain("root");
  expect(await says("ls -A /var /run")).toBe("/run:\nmsb\n\n/var:\ntmp\n");
});

test("a guest sees no process but its own", async () => {
  const seen = await says("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'");
  const own = readText("/proc/self/cmdline").split("\0")[0] ?? "";
  expect(own).not.toBe("");
  expect(seen).not.toContain(own);
  expect(Number((await says("ls -d /proc/[0-9]* | wc -l")).trim())).toBeLessThan(10);
});

test("the command line of a guest's init tells no path of the host", async () => {
  const line = await says("tr '\\0' ' ' < /proc/1/cmdline");
  expect(line).toContain("bwrap --args");
  expect(line).not.toContain("bind");
});

test("a guest can write to its home, /tmp and /dev/shm, and nowhere else", async () => {
  expect((await command(sandbox, "touch ~/x /tmp/x /dev/shm/x")).end.success).toBe(true);
  for (const place of ["/", "/usr", "/usr/bin", "/etc", "/dev", "/var", "/run", "/run/msb", "/home", "/bin", "/lib"]) {
    expect(await says(`touch ${place}/x 2>/dev/null || echo refused`)).toBe("refused\n");
  }
});

test("a guest has no capability, can gain none, and can make no user namespace to have some in", async () => {
  const status = await says("cat /proc/self/status");
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"])
    expect(status).toMatch(new RegExp(`^${set}:\\s+0+$`, "m"));
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  expect(status).toMatch(/^Uid:\s+1000\s+1000\s+1000\s+1000$/m);
  expect(await says("unshare --user true 2>/dev/null || echo refused")).toBe("refused\n");
  expect(await says("mount -t tmpfs none /tmp 2>/dev/null || echo refused")).toBe("refused\n");
});

test("a guest cannot write to the host's bubblewrap, which it sees as its init's program", async () => {
  // Without the read-only mount it would only be busy, and no longer so for one who waits until it has ended.
  const ran = await command(sandbox, ": > /proc/1/exe");
  expect(ran.stderr).toMatch(/Read-only file system|Permission denied/);
});

test("what a guest needs of the host's /etc is there, and none of it can be changed", async () => {
  for (const name of ["ld.so.cache", "services", "mime.types", "localtime", "os-release"]) {
    if (!existsSync(`/etc/${name}`)) continue;
    const content = new Bun.CryptoHasher("sha256").update(readFileSync(`/etc/${name}`)).digest("hex");
    expect(await says(`sha256sum < /etc/${name}`)).toBe(`${content}  -\n`);
    const tries = [`true > /etc/${name}`, `rm -f /etc/${name}`, `mv /etc/${name} /tmp/`, `chmod 777 /etc/${name}`];
    for (const attempt of tries) expect(await says(`${attempt} 2>/dev/null || echo refused`)).toBe("refused\n");
  }
});

test("nothing of the server's environment reaches a guest", async () => {
  expect((await says("env | cut -d= -f1 | sort")).split("\n").filter(Boolean)).toEqual([
    "HOME",
    "LANG",
    "LOGNAME",
    "NPM_CONFIG_PREFIX",
    "NPM_CONFIG_UPDATE_NOTIFIER",
    "PATH",
    "PIP_BREAK_SYSTEM_PACKAGES",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_ROOT_USER_ACTION",
    "PWD",
    "TERM",
    "USER",
  ]);
});

test("a template's environment reaches commands", async () => {
  const template = { ...pythonTemplate, name: "custom", env: { GREETING: "hello world" } };
  await using own = await bootOne(host, "environment", template);
  expect((await command(own, 'echo "$GREETING"')).stdout).toBe("hello world\n");
});

test("a guest holds no descriptor but its own three", async () => {
  // ls itself opens the folder it lists, as the fourth.
  expect(await says("ls /proc/self/fd | tr '\\n' ' '")).toBe("0 1 2 3 ");
  expect(await says("readlink /proc/self/fd/0")).toBe("/dev/null\n");
});
