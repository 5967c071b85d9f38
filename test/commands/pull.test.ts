import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pullImages } from "../../src/commands/pull.ts";
import { Failure } from "../../src/failure.ts";
import { defaultTemplates, type ImageSource, type Template } from "../../src/sandbox/templates.ts";
import { writeImageArchive } from "../sandbox/microvm/image-archive.ts";

const never = new AbortController().signal;

async function pulled(templates: readonly Template[], bring: (image: ImageSource) => void) {
  const lines: string[] = [];
  const asked: ImageSource[] = [];
  const status = await pullImages({
    templates,
    images: {
      makeAvailable: async (image, { onProgress }) => {
        asked.push(image);
        onProgress?.("half of it is here");
        bring(image);
      },
    },
    write: (line) => lines.push(line),
    signal: never,
  });
  return { status, lines, asked };
}

test("pull fetches the image of every template, and tells how it goes", async () => {
  expect(await pulled(defaultTemplates, () => undefined)).toMatchObject({
    status: 0,
    lines: [
      "python:3.13-slim: half of it is here",
      "python:3.13-slim: ready (python, bash)",
      "node:24-slim: half of it is here",
      "node:24-slim: ready (node)",
    ],
  });
});

test("templates that share an image fetch it once", async () => {
  const [python] = defaultTemplates;
  if (python === undefined) throw new Error("there is python");
  const { asked, lines } = await pulled([python, { ...python, name: "data" }], () => undefined);
  expect(asked).toEqual([python.image]);
  expect(lines.at(-1)).toBe("python:3.13-slim: ready (python, data)");
});

test("an image that fails is told with its cause, the others are fetched all the same, and the status is 1", async () => {
  const { status, lines } = await pulled(defaultTemplates, (image) => {
    if (image.kind === "registry" && image.reference.startsWith("python")) {
      throw new Failure("sandbox_creation", "no.", { cause: new Error("error: no such host"), advice: [] });
    }
  });
  expect(status).toBe(1);
  expect(lines).toContain("python:3.13-slim: failed (python, bash): Sandbox creation failed: no.");
  expect(lines).toContain("python:3.13-slim: error: no such host");
  expect(lines).toContain("node:24-slim: ready (node)");
});

test("msb-mcp pull takes from an archive what its templates name, and its exit status tells whether all is there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pull-"));
  try {
    const archive = join(folder, "images.tar");
    const msbMcp = (...args: readonly string[]) => {
      const argv = [process.execPath, join(import.meta.dir, "../../src/main.ts"), ...args, "--images-archive", archive];
      const { exitCode, stdout } = Bun.spawnSync(argv, { env: { ...process.env, MSB_HOME: join(folder, "home") } });
      return { exitCode, lines: stdout.toString().trim().split("\n") };
    };
    writeImageArchive(archive, ["python:3.13-slim", "node:24-slim"], "small");
    expect(msbMcp("pull")).toEqual({
      exitCode: 0,
      lines: [
        "python:3.13-slim: reading the archive images.tar",
        "python:3.13-slim: loading the archive images.tar",
        "python:3.13-slim: ready (python, bash)",
        "node:24-slim: ready (node)",
      ],
    });
    await Bun.write(join(folder, "t.toml"), '[odd]\nlanguage = "node"\nimage = "registry.invalid/odd:1"\n');
    const { exitCode, lines } = msbMcp("pull", "--templates", join(folder, "t.toml"));
    expect(exitCode).toBe(1);
    expect(lines).toContain(
      "registry.invalid/odd:1: failed (odd): Sandbox creation failed: the image registry.invalid/odd:1 could not be pulled from its registry.",
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
