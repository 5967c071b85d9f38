import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRememberedPeers } from "../../src/cluster/remembered-peers.ts";

const folder = mkdtempSync(join(tmpdir(), "msb-mcp-peers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "cluster-peers.json");
const peers = [{ id: "bbbbb", address: "http://b.test:8000", epoch: 7 }];

test("the nodes that were kept last are known to the next process, from a file for its owner only", () => {
  expect(openRememberedPeers(folder).read()).toEqual([]);
  const before = openRememberedPeers(folder);
  before.keep([]);
  before.keep(peers);
  expect(openRememberedPeers(folder).read()).toEqual(peers);
  expect([statSync(path).mode & 0o777, readdirSync(folder)]).toEqual([0o600, ["cluster-peers.json"]]);
});

test.each(["", "{", "{}", '[1, null, {"id": "x"}, {"id": "x", "address": "no url", "epoch": 1}]'])(
  "what is no list of nodes is none: %j",
  (text) => {
    writeFileSync(path, text);
    expect(openRememberedPeers(folder).read()).toEqual([]);
  },
);

test("without a folder of its own, or one that cannot be written, nothing is remembered", () => {
  for (const each of [undefined, join(folder, "missing")]) {
    const remembered = openRememberedPeers(each);
    remembered.keep(peers);
    expect(remembered.read()).toEqual([]);
  }
});
