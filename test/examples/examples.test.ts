// The programs of examples/, as they are, against a server; those of agents with a model that has a script. Each prints the one number that only a session
// that keeps its state can know.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { type Foreign, packagesOf, pythonWith } from "../clients/foreign.ts";
import { type ServerUnderTest, startServer } from "../clients/server.ts";
import { root } from "../docs/blocks.ts";
import { type ScriptedModel, startModel } from "./model.ts";

setDefaultTimeout(150_000);

type Example = {
  readonly name: string;
  /** Its program, what runs it included; or why that cannot be had here. */
  readonly program: Foreign;
  readonly hasModel: boolean;
};

/** How long a program may take before it is ended, and its test fails. */
const patienceMs = 120_000;

const hasBubblewrap = Bun.which("bwrap") !== null;

// One after the other: a small machine is not faster with two.
const examples: readonly Example[] = [
  { name: "curl", program: shellProgram("curl"), hasModel: false },
  { name: "python-aiohttp", program: await pythonProgram("python-aiohttp"), hasModel: false },
  { name: "python-sdk", program: await pythonProgram("python-sdk"), hasModel: false },
  { name: "typescript", program: await typescriptProgram("typescript"), hasModel: false },
  { name: "langchain", program: await pythonProgram("langchain"), hasModel: true },
  { name: "openai-agents", program: await pythonProgram("openai-agents"), hasModel: true },
  { name: "vercel-ai-sdk", program: await typescriptProgram("vercel-ai-sdk"), hasModel: true },
];

for (const { name, program } of examples) {
  if (program.missing !== undefined) console.warn(`SKIPPED: examples/${name}: ${program.missing}`);
}

test("every folder of examples/ is run here", async () => {
  const folders = await Array.fromAsync(new Bun.Glob("*/").scan({ cwd: join(root, "examples"), onlyFiles: false }));
  expect(folders.map((folder) => folder.replace("/", "")).sort()).toEqual(examples.map(({ name }) => name).sort());
});

describe.skipIf(!hasBubblewrap)("with a server", () => {
  const opened = new AsyncDisposableStack();
  let server: ServerUnderTest;
  let model: ScriptedModel;

  beforeAll(async () => {
    server = opened.use(await startServer());
    model = opened.use(startModel());
  });

  afterAll(async () => {
    await opened.disposeAsync();
  });

  for (const { name, program, hasModel } of examples) {
    test.skipIf(program.missing !== undefined)(`examples/${name} keeps a variable between its two calls`, async () => {
      const child = Bun.spawn([...program.argv], {
        env: {
          ...process.env,
          SANDBOX_URL: server.url,
          ...(hasModel && { OPENAI_BASE_URL: model.url, OPENAI_API_KEY: "none", OPENAI_AGENTS_DISABLE_TRACING: "1" }),
        },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        timeout: patienceMs,
        killSignal: "SIGKILL",
      });
      const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      const errors = status === 0 ? "" : stderr;
      expect({ stdout, status, errors, faults: model.faults }).toEqual({
        stdout: "42\n",
        status: 0,
        errors: "",
        faults: [],
      });
    });
  }
});

function shellProgram(name: string): Foreign {
  const argv = ["sh", join(root, "examples", name, "run.sh")];
  return Bun.which("curl") === null ? { argv, missing: "there is no curl" } : { argv };
}

async function pythonProgram(name: string): Promise<Foreign> {
  if (!hasBubblewrap) return { argv: [], missing: "there is no bwrap" };
  const folder = join(root, "examples", name);
  const requirements = (await Bun.file(join(folder, "requirements.txt")).text()).trim().split("\n");
  const { argv, ...rest } = await pythonWith(`example-${name}`, requirements);
  return { argv: [...argv, join(folder, "main.py")], ...rest };
}

/** Beside its packages, because that is where it looks for them. */
async function typescriptProgram(name: string): Promise<Foreign> {
  if (!hasBubblewrap) return { argv: [], missing: "there is no bwrap" };
  const source = join(root, "examples", name);
  const { argv, folder, ...rest } = await packagesOf(
    `example-${name}`,
    await Bun.file(join(source, "package.json")).text(),
  );
  await cp(join(source, "main.ts"), join(folder, "main.ts"));
  return { argv: [...argv, "--no-env-file", join(folder, "main.ts")], ...rest };
}
