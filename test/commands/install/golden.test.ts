// Each client's file before and after, byte for byte: golden/CLIENT/CASE.before and CASE.after. Without a .before there is no file; without
// an .after the file is refused and stays as it is.

import { describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";
import { backupPaths } from "../../../src/commands/install/backup.ts";
import { clientNames } from "../../../src/config/commands.ts";
import { contentOf, Home } from "./machine.ts";

const golden = join(import.meta.dir, "golden");

/** What a refusal says of the place. */
const refusals: Readonly<Record<string, RegExp>> = {
  broken: /line \d+, column \d+: /,
  foreign: /another server/,
  comments: /line 1, column 1: invalid comment token/,
  inline: /mcp_servers is written in a way that cannot be changed safely/,
};

describe.each(clientNames.map((name) => [name] as const))("%s", (client) => {
  const cases = [
    ...new Set(
      [...new Glob("*.{before,after}").scanSync(join(golden, client))].map((file) => file.replace(/\.\w+$/, "")),
    ),
  ].sort();

  test("has the cases that its format can have", () => {
    const common = ["absent", "bom", "broken", "comments", "crlf", "empty", "foreign", "older", "others", "tabs"];
    expect(cases).toEqual(expect.arrayContaining(common));
  });

  for (const name of cases) {
    test(`${name}: the file gets the entry and nothing else, once, and gives it back`, async () => {
      await using home = await Home.make();
      const path = home.fileOf(client);
      const before = await contentOf(join(golden, client, `${name}.before`));
      const after = await contentOf(join(golden, client, `${name}.after`));
      if (before !== undefined) await home.put(path, Buffer.from(before, "latin1"));

      const dry = await home.install(client, { isDryRun: true });
      expect(await contentOf(path)).toBe(before as string);
      const first = await home.install(client);

      if (after === undefined) {
        expect([dry.status, first.status]).toEqual([1, 1]);
        expect(first.warnings[0]).toMatch(refusals[name] ?? /never/);
        expect(await contentOf(path)).toBe(before as string);
        expect(await contentOf(backupPaths(path)[0])).toBeUndefined();
        return;
      }
      expect([dry.status, first.status]).toEqual([0, 0]);
      expect(await contentOf(path)).toBe(after);
      expect(await contentOf(backupPaths(path)[0])).toBe(before as string);

      const second = await home.install(client);
      expect(second).toMatchObject({ status: 0, warnings: [] });
      expect(second.lines[0]).toMatch(/already/);
      expect(await contentOf(path)).toBe(after);

      if (name === "older") return;
      expect(await home.uninstall(client)).toMatchObject({ status: 0, warnings: [] });
      expect(await contentOf(path)).toBe(before as string);
      expect(await contentOf(backupPaths(path)[0])).toBeUndefined();
    });
  }

  test("an entry is taken out of a file that has changed since, and all else stays", async () => {
    await using home = await Home.make();
    const path = home.fileOf(client);
    for (const name of ["others", "crlf", "tabs"]) {
      const before = (await contentOf(join(golden, client, `${name}.before`))) ?? "";
      await home.put(path, Buffer.from((await contentOf(join(golden, client, `${name}.after`))) ?? "", "latin1"));
      await rm(backupPaths(path)[0], { force: true });
      expect(await home.uninstall(client)).toMatchObject({ status: 0 });
      const left = await contentOf(path);
      // A TOML file whose last line had no end has one now.
      expect(left?.trimEnd()).toBe(before.trimEnd());
    }
  });
});
