// Files of a microVM keep the contract, while a run is on, and beyond the end of the program that works on them.

import { afterAll, expect, test } from "bun:test";
import type { Files } from "../../../src/sandbox/files.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import type { Language } from "../../../src/sandbox/templates.ts";
import { describeFiles, read, write } from "../../contract/files-contract.ts";
import { runIn } from "../../contract/port-contract.ts";
import { createHost, templateOf } from "./host.ts";

const signal = new AbortController().signal;
const mebibyte = 1024 * 1024;
/** Enough to see that it goes through, in an emulated machine. */
const muchBytes = 4 * mebibyte;

export function describeMicrovmFiles(language: Language): void {
  const host = createHost();
  afterAll(async () => await host[Symbol.asyncDispose]());
  let booted: Promise<Sandbox> | null = null;
  const sandbox = () => {
    const resources = { cpus: 1, memoryMib: 512 };
    booted ??= host.create({ sessionId: `files-${language}`, template: templateOf(language), resources }, signal);
    return booted;
  };
  const shell = async (line: string) => {
    const { end, stdout, stderr } = await runIn(await sandbox(), "command", line);
    expect({ line, success: end.success, stderr }).toEqual({ line, success: true, stderr: "" });
    return stdout;
  };
  const name = `a microVM's files, for ${language}`;

  describeFiles({
    name,
    ground: async () => ({
      files: (await sandbox()).files,
      home: (await shell("pwd")).trim().replace(/^\/$/, ""),
      link: async (path, target) => void (await shell(`ln -s '${target}' '${path}'`)),
      special: async (path) => void (await shell(`mkfifo '${path}'`)),
    }),
  });

  test(`${name}: they are there while code runs that is stopped, and after their program was killed`, async () => {
    const { files } = await sandbox();
    await write(files, "beside/x", "x");
    const end = new AbortController();
    const source = language === "python" ? "while True: pass" : "for (;;);";
    const run = runIn(await sandbox(), "code", source, end.signal);
    expect(await read(files, "beside/x")).toBe("x");
    end.abort();
    await run;
    expect(await read(files, "beside/x")).toBe("x");
    await shell(
      // Programs that end meanwhile are no longer there to be read.
      "for file in /proc/[0-9]*; do grep -qs /run/msb-mcp/file[s] $file/cmdline && kill -9 $(basename $file); done; true",
    );
    expect(await read(files, "beside/x")).toBe("x");
  });

  test(`${name}: much goes in and comes out`, async () => {
    const { files } = await sandbox();
    const rates = await transfer(files);
    console.log(`${name}: MB/s in and out: ${rates.join(", ")}`);
  });
}

async function transfer(files: Files): Promise<readonly string[]> {
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const began = performance.now();
  await write(files, "much", Buffer.concat(Array.from({ length: muchBytes / bytes.length }, () => bytes)));
  const written = performance.now();
  const back = await read(files, "much");
  expect(back.length).toBeGreaterThan(0);
  const done = performance.now();
  return [written - began, done - written].map((ms) => (muchBytes / mebibyte / (ms / 1000)).toFixed(2));
}
