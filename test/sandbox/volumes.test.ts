// How --shared-volume is written, and which folders may be shared.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseVolumes } from "../../src/sandbox/volumes.ts";

let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "msb-mcp-volumes-")));
  for (const name of ["one", "two", "with:colon", "with,comma"]) mkdirSync(join(root, name));
  writeFileSync(join(root, "file"), "");
  symlinkSync(join(root, "one"), join(root, "link"));
  symlinkSync("/etc", join(root, "link-to-etc"));
});
afterAll(() => rmSync(root, { recursive: true }));

const volume = (name: string, guestPath: string, readOnly = false) => ({
  hostPath: join(root, name),
  guestPath,
  readOnly,
});
const volumesOf = (text: string) => {
  const { volumes, problems } = parseVolumes(text);
  expect(problems).toEqual([]);
  return volumes;
};

describe("what is understood", () => {
  test("nothing is no volume", () => {
    expect(volumesOf("")).toEqual([]);
    expect(volumesOf(" ")).toEqual([]);
    expect(volumesOf("[]")).toEqual([]);
  });

  test("a comma list, with blanks", () => {
    const text = `${root}/one:/data, ${root}/two:/more:ro`;
    expect(volumesOf(text)).toEqual([volume("one", "/data"), volume("two", "/more", true)]);
  });

  test("a JSON array, whose entries may have commas", () => {
    const text = JSON.stringify([`${root}/with,comma:/data:rw`]);
    expect(volumesOf(text)).toEqual([volume("with,comma", "/data")]);
  });

  test("a host folder with a colon in its name", () => {
    expect(volumesOf(`${root}/with:colon:/data:ro`)).toEqual([volume("with:colon", "/data", true)]);
  });

  test("a link is resolved to what it leads to", () => {
    expect(volumesOf(`${root}/link:/data`)).toEqual([volume("one", "/data")]);
  });

  test("a guest folder inside the home or /tmp, with a slash at its end", () => {
    expect(volumesOf(`${root}/one:/home/user/data/,${root}/two:/tmp/data`)).toEqual([
      volume("one", "/home/user/data"),
      volume("two", "/tmp/data"),
    ]);
  });
});

describe("what is refused", () => {
  const one = () => `${root}/one`;

  test.each([
    ["no guest path", () => one()],
    ["an empty guest path", () => `${one()}:`],
    ["an empty host path", () => ":/data"],
    ["a relative guest path", () => `${one()}:data`],
    ["a relative host path", () => "one:/data"],
    ["a host folder that does not exist", () => `${root}/none:/data`],
    ["a host path that is a file", () => `${root}/file:/data`],
    ["the whole machine", () => "/:/data"],
    ["a system folder of the host", () => "/etc:/data"],
    ["a folder inside one", () => "/usr/share:/data"],
    ["a link that leads to one", () => `${root}/link-to-etc:/data`],
    ["the guest's root", () => `${one()}:/`],
    ["a system folder of the guest", () => `${one()}:/usr/local/data`],
    ["where the runner is", () => `${one()}:/run/msb`],
    ["the guest's whole home", () => `${one()}:/home/user`],
    ["a guest path that climbs", () => `${one()}:/data/../etc`],
    ["JSON that is no array of strings", () => "[1]"],
    ["broken JSON", () => '["'],
  ])("%s", (_, text) => {
    const { volumes, problems } = parseVolumes(text());
    expect(volumes).toEqual([]);
    expect(problems).toHaveLength(1);
    // Names the value and what is allowed instead.
    expect(problems[0]).toContain(text().replaceAll('"', '\\"'));
    expect(problems[0]).toContain("allowed");
  });

  test("two volumes in one place, or one inside the other", () => {
    for (const second of ["/data", "/data/inner"]) {
      const { volumes, problems } = parseVolumes(`${root}/one:/data,${root}/two:${second}`);
      expect(volumes).toHaveLength(1);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain("overlaps");
    }
  });

  test("every problem is told at once", () => {
    expect(parseVolumes(`${root}/none:/data,x,${root}/one:/usr`).problems).toHaveLength(3);
  });
});
