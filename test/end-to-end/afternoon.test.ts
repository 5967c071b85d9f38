// An agent's afternoon: data go in and charts come out, and what a model would have to read or write of it stays small.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Answer, Client } from "../clients/client.ts";
import { type ServerUnderTest, startServer } from "../clients/server.ts";
import { openTypeScript1 } from "../clients/typescript-1.ts";
import { Stub } from "../stub-microsandbox/stub.ts";

/** The size is what each way carries in some seconds: a microsandbox server takes bytes through a Python prompt. */
const backends = [
  { backend: "namespace", rows: 300_000, fileBytes: 50_000_000 },
  { backend: "server", rows: 6000, fileBytes: 1_000_000 },
] as const;

/** What a model may have to write for one call. Bytes of JSON. */
const maxArgumentBytes = 2048;

const analysis = `
import csv, struct, zipfile, zlib
from collections import Counter

totals = Counter()
with open("data/sales.csv", newline="") as file:
    for row in csv.DictReader(file):
        totals[row["region"]] += int(row["amount"])

class Bars:
    """A chart without any package: a column for each total."""
    def __init__(self, values, colour):
        self.values, self.colour = values, colour
    def _repr_png_(self):
        width, height, top = 40 * len(self.values), 100, max(self.values)
        lines = b"".join(b"\\0" + b"".join(
            (self.colour if value * height >= (height - y) * top else b"\\xff\\xff\\xff") * 40 for value in self.values
        ) for y in range(height))
        chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) \\
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")

values = [totals[name] for name in sorted(totals)]
print("before the charts")
display(Bars(values, b"\\x20\\x60\\xa0"))
print("between them")
display(Bars(sorted(values), b"\\xa0\\x30\\x30"))
with zipfile.ZipFile("report.xlsx", "w") as book:
    book.writestr("xl/worksheets/sheet1.xml", "".join(f"<c>{name}={totals[name]}</c>" for name in sorted(totals)))
with open("lines.txt", "w") as file:
    file.writelines(f"line {n}\\n" for n in range(1, 1001))
`;

const cannotRun = Bun.which("bwrap") === null || Bun.which("curl") === null;

describe.skipIf(cannotRun).each(backends)("with bubblewrap and curl, over $backend", ({ backend, rows, fileBytes }) => {
  let server: ServerUnderTest;
  let client: Client;
  let folder: string;
  let stub: Stub | undefined;

  beforeAll(async () => {
    if (backend === "server") stub = await Stub.start({ dev: true });
    const onStub = stub === undefined ? [] : [`--server-url=${stub.url}`];
    server = await startServer([], [`--backend=${backend}`, ...onStub]);
    client = await openTypeScript1(server, "http");
    folder = await mkdtemp(join(tmpdir(), "msb-mcp-afternoon-"));
  });

  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await stub?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function call(
    tool: string,
    args: Readonly<Record<string, unknown>>,
  ): Promise<Extract<Answer, { kind: "result" }>> {
    expect(Buffer.byteLength(JSON.stringify(args))).toBeLessThanOrEqual(maxArgumentBytes);
    const answer = await client.call(tool, args);
    if (answer.kind === "error" || answer.isError) throw new Error(`${tool}: ${JSON.stringify(answer).slice(0, 2000)}`);
    return answer;
  }

  /** Runs the command line that transfer_file has shown, with the file's own name in the folder. */
  async function transfer(args: Readonly<Record<string, unknown>>): Promise<void> {
    const { structured } = await call("transfer_file", args);
    const child = Bun.spawn(["/bin/sh", "-c", String(structured.command)], {
      cwd: folder,
      stdout: "pipe",
      stderr: "pipe",
    });
    const [status, errors] = await Promise.all([child.exited, child.stderr.text(), child.stdout.text()]);
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
  }

  test("an afternoon's data come and go beside the conversation, and its charts arrive in it", async () => {
    const note = "x".repeat(140);
    const csv = [
      "id,region,amount,note",
      ...Array.from({ length: rows }, (_, n) => `${n},region-${n % 7},${n % 1000},${note}`),
    ];
    const sales = `${csv.join("\n")}\n`.padEnd(fileBytes, "\n");
    await writeFile(join(folder, "sales.csv"), sales);
    const { session_id } = (await call("execute_command", { command: "mkdir data" })).structured;
    await transfer({ session_id, path: "data/sales.csv", direction: "upload" });

    await writeFile(join(folder, "analysis.py"), analysis);
    await transfer({ session_id, path: "analysis.py", direction: "upload" });
    const ran = await call("execute_code", { session_id, code: "exec(open('analysis.py').read())" });
    const kinds = ran.blocks.map((block) => (block.startsWith("image/png ") ? "picture" : block.split("\n")[0]));
    expect(kinds.slice(0, 4)).toEqual(["before the charts", "picture", "between them", "picture"]);
    expect(ran.blocks.join("\n")).toMatch(/files: lines\.txt \(.*report\.xlsx \(/);

    const read = await call("read_file", { session_id, path: "lines.txt", offset: 100, limit: 21 });
    expect(read.text).toStartWith("line 100\nline 101\n");
    expect(read.text).toContain("line 120\n");
    expect(read.text).not.toContain("line 121");

    const edit = [{ old: "range(1, 1001)", new: "range(1, 2001)" }];
    await call("edit_file", { session_id, path: "analysis.py", edits: edit });
    await call("execute_code", { session_id, code: "exec(open('analysis.py').read())" });

    await transfer({ session_id, path: ".", direction: "download", format: "zip" });
    const [archive = ""] = [...new Bun.Glob("*.zip").scanSync(folder)];
    const unpacked = join(folder, "unpacked");
    expect(Bun.spawnSync(["python3", "-m", "zipfile", "-e", join(folder, archive), unpacked]).exitCode).toBe(0);
    const of = (name: string) => [...new Bun.Glob(`**/${name}`).scanSync({ cwd: unpacked, absolute: true })];
    const [lines = "", ...others] = of("lines.txt");
    expect(others).toEqual([]);
    expect((await readFile(lines, "utf8")).split("\n").at(-2)).toBe("line 2000");
    const [back = ""] = of("sales.csv");
    expect(Bun.hash(await readFile(back))).toBe(Bun.hash(sales));
  }, 240_000);
});
