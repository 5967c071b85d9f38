// A guest program's modules share one namespace once they are joined: what each of them must keep to for that.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { nodeFileAgent } from "../../../src/sandbox/file-agent/node/program.ts";
import { pythonFileAgent } from "../../../src/sandbox/file-agent/python/program.ts";
import { proxiedNode } from "../../../src/sandbox/namespace/guest/proxied/program.ts";
import { nodeProgram } from "../../../src/sandbox/runner/node/program.ts";
import { pythonProgram } from "../../../src/sandbox/runner/python/program.ts";
import { nodeRelay } from "../../../src/sandbox/server/guest/relay/node/program.ts";
import { pythonRelay } from "../../../src/sandbox/server/guest/relay/python/program.ts";

type Program = {
  readonly folder: string;
  readonly extension: string;
  readonly joined: string;
  /** Matches what one module takes from another: the names, and whose they are. */
  readonly sibling: RegExp;
  /** Matches a name that a module gives to something. */
  readonly name: RegExp;
};

const root = join(import.meta.dir, "../../../src/sandbox");
const ofPython = {
  extension: ".py",
  sibling: /^from \.(?<from>\w+) import \(?(?<names>[\w\s,]+)\)?$/gm,
  name: /^(?:(?:async )?def|class) (\w+)|^(\w+) = /gm,
};
const ofNode = {
  extension: ".cjs",
  sibling: /^const \{(?<names>[^}]*)\} = require\("\.\/(?<from>\w+)\.cjs"\);$/gm,
  name: /^(?:async )?function\*? (\w+)|^(?:const|let) (\w+) = /gm,
};
const nodeText = nodeProgram();
const pythonText = pythonProgram();
const programs: readonly Program[] = [
  { folder: "runner/python", joined: pythonText, ...ofPython },
  { folder: "runner/python/displays", joined: textIn(pythonText, "DISPLAYS"), ...ofPython },
  { folder: "runner/python/dialect", joined: textIn(pythonText, "DIALECT"), ...ofPython },
  { folder: "runner/node", joined: `${nodeText}\n${textIn(nodeText, "MAIN")}`, ...ofNode },
  { folder: "runner/node/looks", joined: textIn(nodeText, "LOOKS"), ...ofNode },
  { folder: "runner/node/displays", joined: textIn(textIn(nodeText, "MAIN"), "DISPLAYS"), ...ofNode },
  { folder: "file-agent/python", joined: pythonFileAgent(), ...ofPython },
  { folder: "file-agent/node", joined: nodeFileAgent(), ...ofNode },
  { folder: "namespace/guest/proxied", joined: proxiedNode(), ...ofNode },
  { folder: "server/guest/relay/python", joined: pythonRelay(), ...ofPython },
  { folder: "server/guest/relay/node", joined: nodeRelay(), ...ofNode },
];

/** The program that is a text in the other, under a name. */
function textIn(program: string, name: string): string {
  const [, literal = '""'] = new RegExp(`^(?:const )?${name} = (".*");?$`, "m").exec(program) ?? [];
  return JSON.parse(literal);
}

for (const { folder, extension, joined, sibling, name } of programs) {
  describe(folder, () => {
    const modules = new Map(
      readdirSync(join(root, folder))
        .filter((file) => file.endsWith(extension))
        .map((file) => [file.slice(0, -extension.length), readFileSync(join(root, folder, file), "utf8")]),
    );
    const namesOf = (text: string) => [...text.matchAll(name)].map((match) => match[1] ?? match[2] ?? "");

    test("every module of the folder is in the program, and nothing is left of what they take from each other", () => {
      expect(modules.size).toBeGreaterThan(1);
      for (const [module, text] of modules) {
        for (const own of namesOf(text))
          expect({ module, own, isThere: namesOf(joined).includes(own) }).toMatchObject({ isThere: true });
      }
      expect(joined).not.toMatch(sibling);
      expect(joined).not.toMatch(/^from \./m);
    });

    test("no two modules give the same name to different things", () => {
      const owners = new Map<string, string>();
      for (const [module, text] of modules) {
        for (const own of new Set(namesOf(text))) {
          expect({ own, owner: owners.get(own) ?? module }).toEqual({ own, owner: module });
          owners.set(own, module);
        }
      }
    });

    test("a module takes only what another has", () => {
      for (const [module, text] of modules) {
        for (const { groups: { from = "", names = "" } = {} } of text.matchAll(sibling)) {
          const there = modules.get(from) ?? "";
          for (const taken of names.split(",").map((one) => one.trim())) {
            expect({ module, from, taken, isThere: new RegExp(`\\b${taken}\\b`).test(there) }).toMatchObject({
              isThere: true,
            });
          }
        }
      }
    });
  });
}
