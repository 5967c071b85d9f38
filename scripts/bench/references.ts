// The servers of other SDKs under references/: built where their toolchain is, kept in .tools, and skipped by name where it is not.

import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";

const sources = join(import.meta.dir, "references");
const built = join(import.meta.dir, "../../.tools/references");

type Reference = {
  readonly name: string;
  readonly toolchain: string;
  /** Run in a copy of its sources. */
  readonly build: readonly (readonly string[])[];
  readonly run: readonly string[];
};

const references = {
  rmcp: {
    name: "rmcp (Rust)",
    toolchain: "cargo",
    build: [["cargo", "build", "--release", "--quiet"]],
    run: ["target/release/reference"],
  },
  "go-sdk": {
    name: "Go SDK",
    toolchain: "go",
    build: [["go", "build", "-o", "reference", "."]],
    run: ["./reference"],
  },
  "mcp-go": {
    name: "mcp-go",
    toolchain: "go",
    build: [["go", "build", "-o", "reference", "."]],
    run: ["./reference"],
  },
  python: {
    name: "Python SDK",
    toolchain: "python3",
    build: [
      ["python3", "-m", "venv", "venv"],
      ["venv/bin/pip", "install", "--quiet", "--requirement", "requirements.txt"],
    ],
    run: ["venv/bin/python", "main.py"],
  },
} satisfies Readonly<Record<string, Reference>>;

export type ReferenceName = keyof typeof references;

/** How to start it, built; undefined, and said so, where it cannot be built here. The first build takes minutes. */
export async function buildReference(
  key: ReferenceName,
): Promise<{ readonly name: string; readonly command: readonly string[]; readonly cwd: string } | undefined> {
  const { name, toolchain, build, run } = references[key];
  if (Bun.which(toolchain) === null) {
    console.log(`SKIPPED ${name}: there is no ${toolchain} on this machine.`);
    return undefined;
  }
  const cwd = join(built, key);
  await mkdir(built, { recursive: true });
  // With their times, by which a build tool knows what is new.
  await cp(join(sources, key), cwd, { recursive: true, preserveTimestamps: true });
  for (const command of build) {
    const child = Bun.spawn([...command], { cwd, stdout: "pipe", stderr: "pipe" });
    const errors = await child.stderr.text();
    if ((await child.exited) === 0) continue;
    console.log(`SKIPPED ${name}: "${command.join(" ")}" failed:\n${errors.trim().split("\n").slice(-5).join("\n")}`);
    return undefined;
  }
  return { name, command: [join(cwd, run[0] ?? ""), ...run.slice(1)], cwd };
}
