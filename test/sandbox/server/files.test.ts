// The files of the server host's sandboxes keep the contract, by the programs of both languages.

import { afterAll, expect } from "bun:test";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { describeFiles } from "../../contract/files-contract.ts";
import { describeGuestFiles } from "../../contract/guest-files-contract.ts";
import { node } from "../../programs/node.ts";
import { python } from "../../programs/python.ts";
import { never, ran, resources, subjectHost, subjectName, templateOf } from "./servers.ts";

// As fast as it can be: there are many requests.
const host = subjectHost({ pollMs: 0 });
afterAll(async () => await (await host)[Symbol.asyncDispose]());

for (const [language, { forever }] of [
  ["python", python],
  ["node", node],
] as const) {
  let booted: Promise<Sandbox> | null = null;
  const sandbox = async () => {
    booted ??= (await host).create(
      { sessionId: `files-${language}`, template: templateOf(language), resources },
      never,
    );
    return await booted;
  };
  const shell = async (line: string) => {
    const { end, stdout, stderr } = await ran(await sandbox(), "command", line);
    expect({ line, success: end.success, stderr }).toEqual({ line, success: true, stderr: "" });
    return stdout;
  };

  const name = `a sandbox's files on ${subjectName}, for ${language}`;

  describeFiles({
    name,
    ground: async () => ({
      files: (await sandbox()).files,
      // Where runs start.
      home: (await shell("pwd")).trim(),
      link: async (path, target) => void (await shell(`ln -s '${target}' '${path}'`)),
      special: async (path) => void (await shell(`mkfifo '${path}'`)),
    }),
  });

  describeGuestFiles({
    name,
    isRoot: true,
    isFar: true,
    ground: async () => {
      await shell("[ -d /tmp/small ] || { mkdir /tmp/small && mount -t tmpfs -o size=2m tmpfs /tmp/small; }");
      return {
        files: (await sandbox()).files,
        shell,
        busy: async (signal) => void (await ran(await sandbox(), "code", forever, { signal })),
        small: "/tmp/small",
        smallMib: 2,
        program: "/[.]msb-[^ ]*/file[s]",
      };
    },
  });
}
