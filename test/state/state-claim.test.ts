// One server a state directory, and a claim that no kill leaves behind.

import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { Failure } from "../../src/failure.ts";
import { Ledger } from "../../src/sessions/ledger.ts";
import { openInstallation, openStateDir } from "../../src/state/installation.ts";
import { claimState } from "../../src/state/state-claim.ts";

function folder() {
  const path = mkdtempSync(join(tmpdir(), "msb-mcp-claim-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A process that claims the directory and says so; it holds on until it is killed. */
async function claimant(path: string, transport: "http" | "stdio" = "http") {
  const script = `const { claimState } = await import(${JSON.stringify(join(import.meta.dir, "../../src/state/state-claim.ts"))});
    globalThis.claim = claimState(${JSON.stringify(path)}, ${JSON.stringify(transport)}, process.pid); console.log("claimed"); setInterval(() => {}, 1e6);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("claimed\n");
  return child;
}

test("a second server on HTTP is refused with what to do, in the same process and from another", async () => {
  using state = folder();
  {
    using first = claimState(state.path, "http", 7);
    expect(first.isFirst).toBe(true);
    expect(() => claimState(state.path, "http", 7)).toThrow(
      `Configuration error: another server (process 7) uses the state directory ${state.path}. Stop it, or name another directory with --state-dir.`,
    );
  }
  const other = await claimant(state.path);
  expect(() => claimState(state.path, "http", 7)).toThrow(Failure);
  expect(() => claimState(state.path, "http", 7)).toThrow(`another server (process ${other.pid}) uses`);
  other.kill("SIGKILL");
  await other.exited;
  using again = claimState(state.path, "http", 7);
  expect(again).toMatchObject({ folder: state.path, slot: "", isFirst: false, isCertain: true });
});

test("servers on stdio each have a folder and an installation of their own, which the next one takes up", async () => {
  using state = folder();
  using http = claimState(state.path, "http", 7);
  const first = claimState(state.path, "stdio", 7);
  using second = claimState(state.path, "stdio", 7);
  expect([first.slot, second.slot]).toEqual(["stdio-0", "stdio-1"]);
  const ids = await Promise.all(
    [http, first, second].map(async ({ slot }) => (await openInstallation(state.path, slot)).id),
  );
  expect(new Set(ids).size).toBe(3);
  first[Symbol.dispose]();
  using third = claimState(state.path, "stdio", 7);
  expect(third.slot).toBe("stdio-0");
  expect((await openInstallation(state.path, third.slot)).id).toBe(ids[1] ?? "");
});

test("a server on stdio takes the folder first that a killed one has left", async () => {
  using state = folder();
  using _ = claimState(state.path, "stdio", 7);
  const killed = await claimant(state.path, "stdio");
  const stopped = claimState(state.path, "stdio", 7);
  expect(stopped.slot).toBe("stdio-2");
  stopped[Symbol.dispose]();
  const third = claimState(state.path, "stdio", 7);
  expect(third.slot).toBe("stdio-2");
  killed.kill("SIGKILL");
  await killed.exited;
  third[Symbol.dispose]();
  // Both 1 and 2 are free; what is to be looked after is in 1.
  using next = claimState(state.path, "stdio", 7);
  expect(next.slot).toBe("stdio-1");
});

test("where there can be no lock, the server goes on, and knows that it does not know", () => {
  using state = folder();
  using claim = claimState(join(state.path, "\0"), "http", 7);
  expect(claim.isCertain).toBe(false);
});

test.skipIf(Bun.which("bwrap") === null)("where nothing can be written, nobody is certain to be alone", async () => {
  using state = folder();
  claimState(state.path, "http", 7)[Symbol.dispose]();
  const module = JSON.stringify(join(import.meta.dir, "../../src/state/state-claim.ts"));
  const script = `const { claimState } = await import(${module}); console.log(claimState(${JSON.stringify(state.path)}, "http", 7).isCertain)`;
  const readOnly = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", state.path, state.path, "--"];
  const child = Bun.spawn([...readOnly, process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  expect(await child.stdout.text()).toBe("false\n");
});

test.skipIf(Bun.which("bwrap") === null)("a new folder that is read-only is told as that", async () => {
  using state = folder();
  const module = JSON.stringify(join(import.meta.dir, "../../src/state/installation.ts"));
  const script = `const { openInstallation, openStateDir } = await import(${module});
    const path = ${JSON.stringify(state.path)};
    await openStateDir(path).then(() => openInstallation(path)).catch((error) => console.log(error.message));
    await openStateDir(path + "/new").catch((error) => console.log(error.message));`;
  const readOnly = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", state.path, state.path, "--"];
  const child = Bun.spawn([...readOnly, process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const told = (path: string) =>
    `Configuration error: the state directory ${path} cannot be used (its file system is read-only, EROFS). ` +
    "Name a folder that this user can write to with --state-dir (MSB_MCP_STATE_DIR).\n";
  expect(await child.stdout.text()).toBe(told(state.path) + told(join(state.path, "new")));
});

test("the files of SQLite are this user's alone, those of an earlier version too", () => {
  using state = folder();
  const lock = join(state.path, "server.lock");
  writeFileSync(lock, "");
  chmodSync(lock, 0o644);
  const modes = () => readdirSync(state.path).map((name) => [name, statSync(join(state.path, name)).mode & 0o7777]);
  using _ = claimState(state.path, "http", 7);
  using ledger = new Ledger({
    ...{ path: join(state.path, "sessions.db"), isExpected: true, clock: systemClock, emit: () => undefined },
  });
  const ending = { principal: "alice", reason: "stopped", at: systemClock.now() } as const;
  ledger.ended("session-of-a-test", ending);
  expect(modes().map(([name]) => name)).toContain("sessions.db-wal");
  expect(modes().filter(([, mode]) => mode !== 0o600)).toEqual([]);
});

test("a folder of others keeps its mode, and one that others may write to is no state directory", async () => {
  using state = folder();
  const modeOf = (path: string) => statSync(path).mode & 0o7777;
  const path = (name: string, mode: number, ...files: readonly string[]) => {
    const made = join(state.path, name);
    mkdirSync(made);
    for (const file of files) writeFileSync(join(made, file), "");
    chmodSync(made, mode);
    return made;
  };
  const shared = path("shared", 0o1777, "of-another-program");
  await expect(openStateDir(shared)).rejects.toThrow(
    `the state directory ${shared} has files of others, who may write to it (mode 1777)`,
  );
  expect(modeOf(shared)).toBe(0o1777);
  const system = path("system", 0o755, "of-the-system");
  await openStateDir(system);
  expect(modeOf(system)).toBe(0o755);
  for (const own of [
    path("empty", 0o755),
    path("ours", 0o777, "installation-secret"),
    join(state.path, "new", "below"),
  ]) {
    await openStateDir(own);
    expect(modeOf(own)).toBe(0o700);
  }
});
