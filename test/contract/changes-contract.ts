// What port.ts promises of the files that a run has changed, for any host. What a look finds and leaves out is tested beside the runner.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Changes } from "../../src/sandbox/files.ts";
import type { RunRequest, Sandbox, SandboxHost } from "../../src/sandbox/port.ts";
import { type CommandSet, type ContractLanguage, runIn } from "./port-contract.ts";

export type ChangesSubject = {
  readonly name: string;
  readonly createHost: () => SandboxHost | Promise<SandboxHost>;
  readonly languages: readonly ContractLanguage[];
  readonly commands: CommandSet;
  /** Whether it is told what commands have changed. Default true. */
  readonly looksAfterCommands?: boolean;
  /** Where commands are a shell's: a shared folder outside of the home that they may write to. */
  readonly shell?: { readonly volume: string; readonly nothing: string };
};

/** Of a boot, at load. */
const patienceMs = 60_000;

export function changesContract(subject: ChangesSubject): void {
  const { name, createHost, languages, commands, looksAfterCommands = true, shell } = subject;
  for (const { template, code } of languages) {
    describe(`what runs change is told by ${name}, in ${template.name}`, () => {
      let host: SandboxHost;
      let sandbox: Sandbox;
      beforeAll(async () => {
        host = await createHost();
        const resources = { cpus: 1, memoryMib: 256 };
        const spec = { sessionId: `changes-${template.name}`, template, resources };
        sandbox = await host.create(spec, new AbortController().signal);
      }, patienceMs);
      afterAll(() => host[Symbol.asyncDispose](), patienceMs);

      const promise = (sentence: string, body: () => Promise<void>) => test(sentence, body, patienceMs);
      const changesOf = async (kind: RunRequest["kind"], source: string): Promise<Changes | undefined> =>
        (await runIn(sandbox, kind, source)).end.changes;
      const told = (...files: readonly (readonly [string, number])[]) => ({
        files: files.map(([path, sizeBytes]) => ({ path, sizeBytes })),
        isComplete: true,
      });

      const kinds = [["code", code] as const, ...(looksAfterCommands ? [["command", commands] as const] : [])];
      for (const [kind, { print, writeFile }] of kinds) {
        promise(`files that a ${kind} run has made or changed, once, and none where there are none`, async () => {
          const file = `${kind}.txt`;
          expect(await changesOf(kind, print("x"))).toEqual(told());
          expect(await changesOf(kind, writeFile(file, "one"))).toMatchObject({ files: [{ path: file }] });
          expect(await changesOf(kind, print("x"))).toEqual(told());
          expect(await changesOf(kind, writeFile(file, "longer"))).toMatchObject({ files: [{ path: file }] });
          for (const [other, { print }] of kinds) expect(await changesOf(other, print("x"))).toEqual(told());
        });
      }

      promise("not what was written just before a run through the files of the sandbox", async () => {
        const content = async function* () {
          yield Buffer.from("given");
        };
        const { signal } = new AbortController();
        for (let round = 0; round < 10; round++) {
          await sandbox.files.write(`given-${round}`, content(), { mode: "new", makeFolders: false }, signal);
          expect(await changesOf("code", code.print("x"))).toEqual(told());
          if (shell === undefined) continue;
          await sandbox.files.write(`given-${round}`, content(), { mode: "replace", makeFolders: false }, signal);
          expect(await changesOf("command", shell.nothing)).toEqual(told());
        }
      });

      promise("files of a run that fails, and of one that is stopped", async () => {
        expect(await changesOf("code", `${code.writeFile("failed", "x")}\n${code.fail}`)).toMatchObject({
          files: [{ path: "failed" }],
        });
        const caller = new AbortController();
        const source = `${code.writeFile("stopped", "x")}\n${code.print("on")}\n${code.forever}`;
        const { end } = await runIn(sandbox, "code", source, caller.signal, () => caller.abort());
        expect(end).toMatchObject({ ended: "interrupted", changes: { files: [{ path: "stopped" }] } });
      });

      if (shell === undefined) return;

      promise(
        "what a command does to files: nested, renamed and in a shared folder, not what it deletes or reads",
        async () => {
          await changesOf("command", "mkdir -p a/b; echo 1 > a/b/gone; echo 1 > a/b/read; echo 1 > a/b/old");
          expect(
            await changesOf("command", `cd a/b; rm gone; cat read; mv old new; echo 22 > ${shell.volume}/shared`),
          ).toEqual(told([`${shell.volume}/shared`, 3], ["a/b/new", 2]));
          expect(await changesOf("command", "rm -r a")).toEqual(told());
        },
      );

      promise("what a child process wrote, and names of every kind", async () => {
        const line = "(printf 1 > \"$(printf 'a\\377b')\"; printf 1 > 'two\nlines') & wait";
        expect(await changesOf("command", line)).toEqual(told(["a\udcffb", 1], ["two\nlines", 1]));
      });

      promise("of ten thousand files a hundred, and that these are not all", async () => {
        const line = "mkdir heap; cd heap; seq 10000 | xargs touch";
        const changes = await changesOf("command", line);
        expect(changes).toMatchObject({ isComplete: false });
        expect(changes?.files.length).toBeLessThanOrEqual(100);
        expect(await changesOf("command", "rm -r heap")).toEqual(told());
      });

      promise("nothing of a command whose end comes while code runs, which may look itself when it ends", async () => {
        const caller = new AbortController();
        const begun = Promise.withResolvers<void>();
        const busy = runIn(sandbox, "code", `${code.print("on")}\n${code.forever}`, caller.signal, begun.resolve);
        await begun.promise;
        expect(await changesOf("command", "echo 1 > beside")).toBeUndefined();
        caller.abort();
        expect((await busy).end.changes).toEqual(told(["beside", 2]));
      });
    });
  }
}
