// An agent's afternoon, whatever the sandbox: data go in and charts come out, and what a model would have to read or write of it stays small.

import { expect } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Answer } from "../clients/client.ts";

/** What a model may have to write for one call. Bytes of JSON. */
const maxArgumentBytes = 2048;

const analysis = `
import csv, struct, zipfile, zlib
from collections import Counter

totals = Counter()
with open("work/data/sales.csv", newline="") as file:
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
with zipfile.ZipFile("work/report.xlsx", "w") as book:
    book.writestr("xl/worksheets/sheet1.xml", "".join(f"<c>{name}={totals[name]}</c>" for name in sorted(totals)))
with open("work/lines.txt", "w") as file:
    file.writelines(f"line {n}\\n" for n in range(1, 1001))
`;

type Result = Extract<Answer, { kind: "result" }>;

export type Afternoon = {
  readonly callTool: (tool: string, args: Readonly<Record<string, unknown>>) => Promise<Answer>;
  /** An empty one, for what `curl` carries. */
  readonly folder: string;
  /** Of the CSV file. */
  readonly rows: number;
  readonly fileBytes: number;
};

export async function spendAfternoon({ callTool, folder, rows, fileBytes }: Afternoon): Promise<void> {
  const note = "x".repeat(140);
  const csv = [
    "id,region,amount,note",
    ...Array.from({ length: rows }, (_, n) => `${n},region-${n % 7},${n % 1000},${note}`),
  ];
  const sales = `${csv.join("\n")}\n`.padEnd(fileBytes, "\n");
  await writeFile(join(folder, "sales.csv"), sales);
  // Not in the root folder, where an image may start programs: of that only its own files are told as changed.
  const command = 'cd "$([ "$PWD" = / ] && echo "$HOME" || echo "$PWD")"; mkdir -p work/data; echo "$PWD"';
  const { session_id, stdout } = (await call("execute_command", { command })).structured;
  const home = String(stdout).trim();
  const work = `${home}/work`;
  await call("execute_code", { session_id, code: `import os; os.chdir("${home}")` });
  await transfer({ session_id, path: `${work}/data/sales.csv`, direction: "upload" });

  await writeFile(join(folder, "analysis.py"), analysis);
  await transfer({ session_id, path: `${work}/analysis.py`, direction: "upload" });
  const ran = await call("execute_code", { session_id, code: `exec(open("${work}/analysis.py").read())` });
  const kinds = ran.blocks.map((block) => (block.startsWith("image/png ") ? "picture" : block.split("\n")[0]));
  expect(kinds.slice(0, 4)).toEqual(["before the charts", "picture", "between them", "picture"]);
  expect(ran.blocks.join("\n")).toMatch(/files: \S*work\/lines\.txt \(.*work\/report\.xlsx \(/);

  const read = await call("read_file", { session_id, path: `${work}/lines.txt`, offset: 100, limit: 21 });
  expect(read.text).toStartWith("line 100\nline 101\n");
  expect(read.text).toContain("line 120\n");
  expect(read.text).not.toContain("line 121");

  const edit = [{ old: "range(1, 1001)", new: "range(1, 2001)" }];
  await call("edit_file", { session_id, path: `${work}/analysis.py`, edits: edit });
  await call("execute_code", { session_id, code: `exec(open("${work}/analysis.py").read())` });

  await transfer({ session_id, path: work, direction: "download", format: "zip" });
  const [archive = ""] = [...new Bun.Glob("*.zip").scanSync(folder)];
  const unpacked = join(folder, "unpacked");
  expect(Bun.spawnSync(["python3", "-m", "zipfile", "-e", join(folder, archive), unpacked]).exitCode).toBe(0);
  const of = (name: string) => [...new Bun.Glob(`**/${name}`).scanSync({ cwd: unpacked, absolute: true })];
  const [lines = "", ...others] = of("lines.txt");
  expect(others).toEqual([]);
  expect((await readFile(lines, "utf8")).split("\n").at(-2)).toBe("line 2000");
  const [back = ""] = of("sales.csv");
  expect(Bun.hash(await readFile(back))).toBe(Bun.hash(sales));

  async function call(tool: string, args: Readonly<Record<string, unknown>>): Promise<Result> {
    expect(Buffer.byteLength(JSON.stringify(args))).toBeLessThanOrEqual(maxArgumentBytes);
    const answer = await callTool(tool, args);
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
}
