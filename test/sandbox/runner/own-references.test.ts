// Whatever a program puts in the place of what its language has built in, its next run is carried out.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Prompt } from "./spawn.ts";

describe("in Python", () => {
  let prompt: Prompt;
  beforeAll(async () => {
    prompt = await Prompt.start("python");
  });
  afterAll(() => prompt[Symbol.asyncDispose]());

  const lines = async (source: string) => (await prompt.run(source)).stdout.trim().split("\n");
  const expectToGoOn = async (what: string) => {
    const { ended, stdout, interpreterRestarted } = await prompt.run("1 + 1");
    expect({ what, ended, stdout, interpreterRestarted }).toEqual({
      what,
      ended: "exited",
      stdout: "2\n",
      interpreterRestarted: false,
    });
  };

  test("each builtin, replaced by None, leaves the next run as it is", async () => {
    const names = await lines("import builtins\nfor name in builtins.__dict__: print(name)");
    expect(names).toContain("len");
    for (const name of names) {
      const replaced = `kept = builtins.__dict__['${name}']\nbuiltins.__dict__['${name}'] = None`;
      expect(await prompt.run(replaced)).toMatchObject({ success: true, stderr: "" });
      await expectToGoOn(name);
      expect(await prompt.run("1 / 0")).toMatchObject({
        success: false,
        interpreterRestarted: false,
        stderr: expect.stringMatching(/ZeroDivisionError: .+\n$/),
      });
      expect(await prompt.run(`builtins.__dict__['${name}'] = kept`)).toMatchObject({ success: true });
    }
  }, 60_000);

  for (const module of ["os", "sys", "time", "signal", "_signal", "select", "io", "fcntl", "_thread", "posix"]) {
    test(`each function of ${module}, replaced by None, leaves the next run as it is`, async () => {
      const names = await lines(
        `import ${module} as module\nfor name in dir(module):\n    if callable(getattr(module, name)) and name != 'displayhook': print(name)`,
      );
      expect(names.length).toBeGreaterThan(3);
      for (const name of names) {
        const replaced = `kept = module.${name}\nmodule.${name} = None`;
        expect(await prompt.run(replaced)).toMatchObject({ success: true, stderr: "" });
        await expectToGoOn(`${module}.${name}`);
        await prompt.run(`module.${name} = kept`);
      }
    }, 60_000);
  }

  test("all of them at once, in a first run, leave every way that a run can end", async () => {
    await using fresh = await Prompt.start("python");
    const source = "for name in [*__builtins__.__dict__]: __builtins__.__dict__[name] = None";
    expect(await fresh.run(source)).toMatchObject({ ended: "exited", interpreterRestarted: false });
    expect(await fresh.run("1 + 1")).toMatchObject({ stdout: "2\n", interpreterRestarted: false });
    expect(await fresh.run("1 / 0")).toMatchObject({ success: false, interpreterRestarted: false });
    expect(await fresh.run("1 +")).toMatchObject({ success: false, interpreterRestarted: false });
    const forever = await fresh.run("while True: pass", AbortSignal.timeout(200));
    expect(forever).toMatchObject({ ended: "interrupted", interpreterRestarted: false });
    expect(await fresh.run("'x' * 5_000")).toMatchObject({ success: true, interpreterRestarted: false });
  });

  test("names that are deleted from sys leave the next run as it is", async () => {
    await using fresh = await Prompt.start("python");
    for (const name of ["stdout", "stderr", "stdin", "__stdout__", "excepthook", "__excepthook__", "argv", "path"]) {
      await fresh.run(`import sys\nkept = sys.${name}\ndel sys.${name}`);
      expect(await fresh.run("1 + 1")).toMatchObject({ ended: "exited", interpreterRestarted: false });
      expect(await fresh.run("1 / 0")).toMatchObject({ success: false, interpreterRestarted: false });
      await fresh.run(`sys.${name} = kept`);
      expect(await fresh.run("1 + 1")).toMatchObject({ stdout: "2\n", interpreterRestarted: false });
    }
  });
});

describe("in Node", () => {
  // Without the first, Node has no event loop; V8's inspector asks a promise for the second.
  const beyond = ["Array.prototype.pop", "Promise.prototype.constructor"];
  let prompt: Prompt;
  beforeAll(async () => {
    prompt = await Prompt.start("node");
    await prompt.run(
      "const define = Reflect.defineProperty, describe = Reflect.getOwnPropertyDescriptor; let keys, target, key, kept",
    );
  });
  afterAll(() => prompt[Symbol.asyncDispose]());

  for (const target of [
    ...["Array", "Array.prototype", "Object", "Object.prototype", "Function.prototype", "JSON", "Math", "Reflect"],
    ...["Map.prototype", "Set.prototype", "WeakMap.prototype", "Promise", "Promise.prototype", "Symbol.prototype"],
    ...["String", "String.prototype", "RegExp", "RegExp.prototype", "Number", "Number.prototype", "Error"],
    ...["Error.prototype", "Atomics", "Buffer", "Buffer.prototype", "Uint8Array", "Uint8Array.prototype"],
    ...["Object.getPrototypeOf(Uint8Array)", "Object.getPrototypeOf(Uint8Array.prototype)", "ArrayBuffer.prototype"],
    ...["Object.getPrototypeOf([][Symbol.iterator]())", "Object.getPrototypeOf(new Map().entries())"],
    ...["TextEncoder.prototype", "URL.prototype", "require('fs')", "require('util')"],
    ...["require('path')", "require('timers')", "require('vm')", "require('module')"],
  ]) {
    test(`each member of ${target}, replaced by null, leaves the next run as it is`, async () => {
      const counted = await prompt.run(`target = ${target}; keys = Reflect.ownKeys(target); keys.length`);
      const count = Number(counted.result);
      expect(count).toBeGreaterThan(0);
      for (let at = 0; at < count; at++) {
        const replace =
          "kept.configurable && define(target, key, { value: null, writable: true, configurable: true }); undefined";
        const named = await prompt.run(`key = keys[${at}]; kept = describe(target, key); key.toString()`);
        if (beyond.includes(`${target}.${named.result?.slice(1, -1)}`)) continue;
        await prompt.run(replace);
        const { ended, stdout, interpreterRestarted } = await prompt.run("1 + 1");
        const failing = await prompt.run("missing.name");
        expect({ name: named.result, ended, stdout, interpreterRestarted, hasFailed: !failing.success }).toEqual({
          name: named.result,
          ended: "exited",
          stdout: "2\n",
          interpreterRestarted: false,
          hasFailed: true,
        });
        await prompt.run("define(target, key, kept); undefined");
      }
    }, 60_000);
  }

  test("all of them at once, in a first run, leave every way that a run can end", async () => {
    await using fresh = await Prompt.start("node");
    const source = `
const define = Reflect.defineProperty, describe = Reflect.getOwnPropertyDescriptor, keysOf = Reflect.ownKeys;
const all = [Array, Array.prototype, Object, Object.prototype, Function.prototype, JSON, Map.prototype, Set.prototype,
  Promise, Promise.prototype, String.prototype, RegExp.prototype, Buffer, Buffer.prototype];
const beyond = [Array.prototype.pop, Promise];
const members = all.map((target) => keysOf(target).filter((key) => describe(target, key).configurable && !beyond.includes(describe(target, key).value)));
for (let at = 0; at < all.length; at += 1) {
  for (let name = 0; name < members[at].length; name += 1) define(all[at], members[at][name], { value: null, writable: true });
}
undefined`;
    expect(await fresh.run(source)).toMatchObject({ ended: "exited", interpreterRestarted: false });
    expect(await fresh.run("1 + 1")).toMatchObject({ stdout: "2\n", interpreterRestarted: false });
    expect(await fresh.run("missing")).toMatchObject({ success: false, interpreterRestarted: false });
    expect(await fresh.run("1 +")).toMatchObject({ success: false, interpreterRestarted: false });
    expect(await fresh.run("process.exit(3)")).toMatchObject({ exitCode: 3, interpreterRestarted: false });
    const forever = await fresh.run("while (true) {}", AbortSignal.timeout(200));
    expect(forever).toMatchObject({ ended: "interrupted", interpreterRestarted: false });
    expect(await fresh.run("2 + 2")).toMatchObject({ stdout: "4\n", interpreterRestarted: false });
  });
});
