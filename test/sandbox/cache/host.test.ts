// What a host underneath is asked for, and that a cache is in use for as long as a sandbox may be there.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Caches } from "../../../src/sandbox/cache/caches.ts";
import { cacheFolder, withCache } from "../../../src/sandbox/cache/host.ts";
import type { SandboxSpec } from "../../../src/sandbox/port.ts";
import { defaultTemplates, type Template } from "../../../src/sandbox/templates.ts";
import { lockFile } from "../../../src/state/file-lock.ts";
import { failureOf } from "../../fakes/failures.ts";
import { FakeClock } from "../../fakes/fake-clock.ts";
import { FakeHost } from "../../fakes/fake-host.ts";
import { FakeWorld } from "../../fakes/fake-world.ts";

let folder: string;

beforeEach(() => {
  mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
  folder = join(mkdtempSync("/tmp/msb-mcp-tests/cached-"), "cache");
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

const [python] = defaultTemplates;
const never = new AbortController().signal;

function specOf(sessionId: string, more: Partial<SandboxSpec> = {}, env: Template["env"] = {}): SandboxSpec {
  if (python === undefined) throw new Error("the first default template is python");
  return {
    sessionId,
    principal: "alice",
    template: { ...python, env },
    resources: { cpus: 1, memoryMib: 64 },
    ...more,
  };
}

function open(bare: FakeHost) {
  const limits = { maxBytes: 1_000_000, shareBytes: 1_000_000 };
  const caches = new Caches({ ...limits, folder, clock: new FakeClock(), emit: () => undefined });
  return withCache(bare, caches, { kind: "public" });
}

/** Whether anybody could have the folders to remove them. */
function isInUse(): boolean {
  const locks = readdirSync(folder).filter((name) => name.endsWith(".lock"));
  return locks.some((name) => {
    const lock = lockFile(join(folder, name), "alone");
    if (typeof lock === "string") return true;
    lock[Symbol.dispose]();
    return false;
  });
}

describe.skipIf(process.platform !== "linux")("a host with caches of downloads (Linux)", () => {
  test("mounts the principal's folder beside what is mounted, and a template's own environment wins", async () => {
    const bare = new FakeHost();
    await using host = open(bare);
    const layer = { hostPath: "/layer", guestPath: "/opt/msb/layer", readOnly: true };
    await host.create(specOf("one", { mounts: [layer] }, { PIP_CACHE_DIR: "/tmp/pip" }), never);
    const [asked] = bare.requested;
    expect(asked?.mounts?.[0]).toEqual(layer);
    expect(asked?.mounts?.[1]).toMatchObject({ guestPath: cacheFolder, readOnly: false });
    expect(asked?.template.env).toMatchObject({ PIP_CACHE_DIR: "/tmp/pip", NPM_CONFIG_CACHE: `${cacheFolder}/npm` });
  });

  test("asks for nothing more where the sandbox is nobody's, or its own policy reaches no registry", async () => {
    const bare = new FakeHost();
    await using host = open(bare);
    const specs = [specOf("one", { principal: undefined }), specOf("two", { network: { kind: "none" } })];
    for (const spec of specs) await host.create(spec, never);
    expect(bare.requested).toEqual(specs);
  });

  test("it is in use until the last sandbox of the principal has ended, and not by one that never was", async () => {
    const bare = new FakeHost();
    await using host = open(bare);
    bare.failNextBoot();
    await failureOf(host.create(specOf("failed"), never));
    expect(isInUse()).toBe(false);
    const [one, two] = [await host.create(specOf("one"), never), await host.create(specOf("two"), never)];
    await one[Symbol.asyncDispose]();
    await one[Symbol.asyncDispose]();
    expect(isInUse()).toBe(true);
    await two[Symbol.asyncDispose]();
    expect(isInUse()).toBe(false);
  });

  test("it is given back when the sandbox, or the host underneath, could not be disposed of", async () => {
    class Failing extends FakeHost {
      override async create(spec: SandboxSpec, signal: AbortSignal) {
        const sandbox = await super.create(spec, signal);
        sandbox[Symbol.asyncDispose] = () => Promise.reject(new Error("the sandbox stays"));
        return sandbox;
      }

      override async [Symbol.asyncDispose]() {
        throw new Error("the host stays");
      }
    }
    const host = open(new Failing());
    const one = await host.create(specOf("one"), never);
    await expect(one[Symbol.asyncDispose]()).rejects.toThrow("the sandbox stays");
    expect(isInUse()).toBe(false);
    await host.create(specOf("two"), never);
    expect(isInUse()).toBe(true);
    await expect(host[Symbol.asyncDispose]()).rejects.toThrow("the host stays");
    expect(isInUse()).toBe(false);
  });

  test("one that is taken over uses it again", async () => {
    const world = new FakeWorld();
    const before = new FakeHost({ world });
    await before.create(specOf("one"), never);
    await using host = open(new FakeHost({ world }));
    const [found] = (await host.survivors?.list(never)) ?? [];
    if (found === undefined) throw new Error("the sandbox did not survive");
    const sandbox = await host.survivors?.adopt(found.name, specOf("one"), never);
    expect(isInUse()).toBe(true);
    await sandbox?.[Symbol.asyncDispose]();
    expect(isInUse()).toBe(false);
  });
});
