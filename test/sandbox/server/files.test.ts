// The files of the server host's sandboxes keep the contract, by the programs of both languages.

import { afterAll, expect } from "bun:test";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { describeFiles } from "../../contract/files-contract.ts";
import { never, ran, resources, subjectHost, subjectName, templateOf } from "./servers.ts";

const host = subjectHost();
afterAll(async () => await (await host)[Symbol.asyncDispose]());

for (const language of ["python", "node"] as const) {
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

  describeFiles({
    name: `a sandbox's files on ${subjectName}, for ${language}`,
    ground: async () => ({
      files: (await sandbox()).files,
      // Where runs start.
      home: (await shell("pwd")).trim(),
      link: async (path, target) => void (await shell(`ln -s '${target}' '${path}'`)),
      special: async (path) => void (await shell(`mkfifo '${path}'`)),
    }),
  });
}
