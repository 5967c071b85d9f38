// The commands of docs/files.md, as a reader types them one after the other in one terminal.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fencedBlock } from "./blocks.ts";
import { Shell } from "./shell.ts";

setDefaultTimeout(60_000);

const guide = "docs/files.md";

describe.skipIf(Bun.which("bwrap") === null)("the guide to files", () => {
  test("gets files and folders in and out, by URLs and by paths", async () => {
    await using shell = await Shell.open();
    await using server = await shell.serve("exec msb-mcp");
    const { host } = new URL(server.url ?? "");
    const names = ["files-functions", "files-signed", "files-named", "files-folders"];
    const blocks = await Promise.all(names.map((name) => fencedBlock(guide, name)));
    const text = blocks.join("\necho ---\n").replaceAll("localhost:8000", host);
    const { status, stdout, stderr } = await shell.run(text);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [functions, signed, named, folders] = stdout.split("---\n");
    expect(functions).toBe("");
    expect(signed).toBe("city,people\nBern,140000\nOslo,700000\n");
    expect(named).toBe("city,people");
    expect(folders).toEndWith("}hello\n");
  });

  test("starts a server on stdio that may use a folder", async () => {
    await using shell = await Shell.open();
    await mkdir(join(shell.home, "exchange"));
    const { status, stderr } = await shell.run(await fencedBlock(guide, "files-stdio"));
    expect(stderr).not.toContain("transfer-dir");
    expect(status).toBe(0);
  });
});
