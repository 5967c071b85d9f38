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
