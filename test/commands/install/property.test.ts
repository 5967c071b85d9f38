// Documents of every layout: whatever one looks like, an entry that is put in is there, is put in once, changes nothing else, and leaves
// the very bytes when it is taken out.

import { expect, test } from "bun:test";
import { parse } from "jsonc-parser";
import { clients } from "../../../src/commands/install/clients.ts";
import { entryIn, withEntry, withoutEntry } from "../../../src/commands/install/document.ts";
import { Random } from "../../model/random.ts";

const rounds = 1500;

test.each(["cursor", "vscode", "zed", "opencode"] as const)("a file of %s, however it is laid out", (name) => {
  const client = clients[name];
  const [box] = client.container;
  const entry = client.http?.("http://localhost:8000/mcp", { kind: "variable", name: "MSB_MCP_TOKEN" }) ?? {};
  for (let seed = 1; seed <= rounds; seed++) {
    const random = new Random(seed);
    const before = document(random, box);
    const told = { seed, before };
    const after = withEntry(before, client, entry);
    expect({ ...told, entry: entryIn(after, client) }).toEqual({ ...told, entry });
    expect({ ...told, again: withEntry(after, client, entry) }).toEqual({ ...told, again: after });
    const removed = withoutEntry(after, client);
    // A container that was not there stays, empty; so does the list of what VS Code asks for.
    const { [box]: servers, inputs, ...others } = parse(removed.replace("\uFEFF", ""));
    const {
      [box]: serversBefore = {},
      inputs: inputsBefore = [],
      ...othersBefore
    } = parse(before.replace("\uFEFF", ""));
    expect({ ...told, others, servers, inputs: inputs ?? [] }).toEqual({
      ...told,
      others: othersBefore,
      servers: serversBefore,
      inputs: inputsBefore,
    });
    const isWhole = Object.keys(serversBefore).length > 0 && (name !== "vscode" || inputsBefore.length > 0);
    if (isWhole) expect({ ...told, removed }).toEqual({ ...told, removed: before });
  }
});

/** An object with or without the container, members on lines of their own or on one, comments and commas anywhere. */
function document(random: Random, box: string): string {
  const eol = random.pick(["\n", "\r\n"]);
  const indent = random.pick(["  ", "    ", "\t"]);
  const mark = random.pick(["", "", "\uFEFF"]);
  const comment = () => random.pick(["", "", "", ` // it's "{" ${eol === "\n" ? "," : "}"}`, " /* , } */"]);
  const members = (depth: number, items: readonly string[], [open, close]: readonly [string, string]): string => {
    if (items.length === 0) return random.pick([`${open}${close}`, `${open} ${close}`]);
    const isOneLine = random.pick([false, false, true]);
    const trailing = random.pick(["", ","]);
    if (isOneLine)
      return `${open}${random.pick(["", " "])}${items.join(random.pick([", ", ","]))}${random.pick(["", " /* x */ "])}${close}`;
    const pad = eol + indent.repeat(depth);
    const lines = items.map((item, index) => `${pad}${item}${index < items.length - 1 ? "," : trailing}${comment()}`);
    const last = random.pick(["", `${pad}// the end`]);
    return `${open}${lines.join("")}${last}${eol}${indent.repeat(depth - 1)}${close}`;
  };
  const server = (at: number) => `"s${at}": {"command": "x", "args": ["a,b", "}"]}`;
  const count = random.below(4);
  const servers = Array.from({ length: count }, (_, at) => server(at));
  const inputs = Array.from({ length: random.below(3) }, (_, at) => `{"id": "i${at}"}`);
  const items = [
    ...(random.pick([true, false]) ? ['"theme": "dark // not a comment"'] : []),
    ...(random.pick([true, true, false]) ? [`"${box}": ${members(2, servers, ["{", "}"])}`] : []),
    ...(random.pick([true, false]) ? [`"inputs": ${members(2, inputs, ["[", "]"])}`] : []),
    ...(random.pick([true, false]) ? ['"last": [1, 2, {"a": null}]'] : []),
  ];
  const head = random.pick(["", `// head${eol}`]);
  return `${mark}${head}${members(1, items, ["{", "}"])}${random.pick(["", eol, `${eol}${eol}`])}`;
}
