// The programs that work on files keep the contract on this very machine, without a sandbox, where what is written comes as text.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import type { StartAgent } from "../../../src/sandbox/file-agent/agent.ts";
import { AgentFiles } from "../../../src/sandbox/file-agent/agent-files.ts";
import { fileAgentArgv, fileAgentPrograms } from "../../../src/sandbox/file-agent/programs.ts";
import type { CommonLanguage } from "../../../src/sandbox/templates.ts";
import { describeFiles, write } from "../../contract/files-contract.ts";

const interpreters: Readonly<Record<CommonLanguage, string>> = {
  python: process.env.RUNNER_PYTHON ?? "python3",
  node: process.env.RUNNER_NODE ?? "node",
};
const languages: readonly CommonLanguage[] = ["python", "node"];
const signal = new AbortController().signal;
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "file-agent-"));
});
afterAll(() => rmSync(root, { recursive: true }));

for (const language of languages) {
  const home = () => join(root, language);
  let started = 0;
  let closeInput = () => {};
  const start: StartAgent = (onStdout) => {
    started += 1;
    const { fileName, source } = fileAgentPrograms[language];
    const program = join(root, fileName);
    writeFileSync(program, source);
    mkdirSync(home(), { recursive: true });
    const child = Bun.spawn([...fileAgentArgv(language, interpreters[language], program)], {
      cwd: "/",
      env: { PATH: process.env.PATH ?? "", HOME: home() },
      stdio: ["pipe", "pipe", "inherit"],
    });
    void (async () => {
      for await (const bytes of child.stdout) onStdout(bytes);
    })();
    closeInput = () => void child.stdin.end();
    return {
      write: (text) => {
        child.stdin.write(text);
        child.stdin.flush();
      },
      closeInput,
      kill: () => child.kill("SIGKILL"),
      ended: child.exited.then((code) => `exit status ${code}`),
    };
  };
  const files = new AgentFiles({ start, clock: systemClock, lost: () => null });
  afterAll(() => files.end());

  describeFiles({
    name: `the program in ${language}`,
    ground: async () => ({
      files,
      home: home(),
      link: async (path, target) => symlinkSync(target, join(home(), path)),
      special: async (path) => expect(Bun.spawnSync(["mkfifo", join(home(), path)]).exitCode).toBe(0),
    }),
  });

  test(`the program in ${language}: it was one program all the time`, () => {
    expect(started).toBe(1);
  });

  test(`the program in ${language}: where its input ends, what was being written is gone, and the parts are there`, async () => {
    const content = async function* () {
      yield new Uint8Array(300_000);
      expect(readdirSync(join(home(), "end")).length).toBe(2);
      closeInput();
      await Bun.sleep(0);
      yield new Uint8Array(300_000);
    };
    const part = { id: "p", offset: 0, isLast: false };
    await write(files, "end/part", "part", { mode: "replace", makeFolders: true, part });
    const failed = files.write("end/x", content(), { mode: "replace", makeFolders: true }, signal);
    await expect(failed).rejects.toThrow("was ended while it worked");
    expect(readdirSync(join(home(), "end"))).toEqual([expect.stringMatching(/^\.msb-part-p-/)]);
    expect(await files.partBytes("end/part", "p", signal)).toBe(4);
  });
}
