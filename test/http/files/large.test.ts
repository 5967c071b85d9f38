// What takes minutes: 2 GB through the real server, and ten thousand slow clients. Run by MSB_MCP_TEST_LARGE_FILES=1.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AttackedServer, toolCall } from "../../attacks/attacked-server.ts";
import { connectRaw } from "../raw.ts";

setDefaultTimeout(1_800_000);

const MIB = 1024 * 1024;
const isAsked = process.env.MSB_MCP_TEST_LARGE_FILES === "1" && Bun.which("bwrap") !== null;

describe.skipIf(!isAsked)("large files and many clients (MSB_MCP_TEST_LARGE_FILES=1)", () => {
  let scratch = "";
  let server: AttackedServer;
  let session = "";

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "msb-mcp-large-"));
    await mkdir(join(scratch, "volume"));
    await chmod(join(scratch, "volume"), 0o777);
    server = await AttackedServer.start(["--shared-volume", `${join(scratch, "volume")}:/data`], 1_800_000);
    session = await idOf("execute_code", { code: "1" }, "session_id");
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true, force: true });
  });

  async function idOf(tool: string, args: Readonly<Record<string, unknown>>, field: string): Promise<string> {
    const { text } = await server.ask({ body: toolCall(tool, args) });
    return JSON.parse(text).result.structuredContent[field];
  }

  function urlOf(path: string, direction: "upload" | "download"): Promise<string> {
    return idOf("transfer_file", { session_id: session, path, direction }, "url");
  }

  async function file(name: string, bytes: number): Promise<string> {
    const path = join(scratch, name);
    await using handle = await open(path, "w");
    const piece = Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)));
    for (let at = 0; at < bytes; at += piece.length) {
      piece.writeDoubleBE(at);
      await handle.write(piece);
    }
    return path;
  }

  /** Megabytes of resident memory beyond those before, at most, and once it is over. */
  async function growthDuring(command: readonly string[]): Promise<{ readonly peak: number; readonly after: number }> {
    const before = await server.rssMib();
    const child = Bun.spawn(["curl", "-fsS", ...command], { stdout: "ignore", stderr: "inherit" });
    let peak = 0;
    while (child.exitCode === null) {
      await Bun.sleep(500);
      peak = Math.max(peak, (await server.rssMib()) - before);
    }
    expect(child.exitCode).toBe(0);
    return { peak, after: (await server.rssMib()) - before };
  }

  test("2 GB go up and down by signed URLs, and the server holds 20 MB of it at most", async () => {
    const [warm, big] = [await file("warm", 256 * MIB), await file("big", 2048 * MIB)];
    await growthDuring(["-T", warm, await urlOf("/data/warm", "upload")]);
    await growthDuring(["-o", join(scratch, "warm-back"), await urlOf("/data/warm", "download")]);
    const up = await growthDuring(["-T", big, await urlOf("/data/big", "upload")]);
    const down = await growthDuring(["-o", join(scratch, "back"), await urlOf("/data/big", "download")]);
    console.log("resident memory, MiB beyond before:", { up, down });
    expect(Bun.spawnSync(["cmp", big, join(scratch, "back")]).exitCode).toBe(0);
    expect(up.after).toBeLessThan(20);
    expect(down.after).toBeLessThan(20);
  });

  test("ten thousand uploads that send nothing more are bounded, and the server answers others", async () => {
    const { pathname } = new URL(`/sessions/${session}/files/slow`, server.url);
    const before = await server.rssMib();
    const statuses = new Map<string, number>();
    for (let wave = 0; wave < 20; wave++) {
      const connections = await Promise.all(Array.from({ length: 500 }, () => connectRaw(server.url)));
      for (const [at, connection] of connections.entries()) {
        connection.send(
          `PUT ${pathname}-${wave}-${at} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\nx`,
        );
      }
      // All but the places that there are get their answer at once.
      const answered = await Promise.all(
        connections.map((connection) => Promise.race([connection.until("\r\n"), Bun.sleep(5_000).then(() => "none")])),
      );
      for (const answer of answered) {
        const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? "none";
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      expect((await server.ask()).status).toBe(200);
      for (const connection of connections) connection[Symbol.dispose]();
    }
    console.log("ten thousand slow uploads:", Object.fromEntries(statuses), "MiB:", (await server.rssMib()) - before);
    expect(statuses.get("429") ?? 0).toBeGreaterThanOrEqual(10_000 - 20 * 16);
    expect((await server.rssMib()) - before).toBeLessThan(100);
  });
});
