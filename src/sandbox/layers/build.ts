// Builds a layer inside a sandbox of the template: its installers run behind the same wall as its users, and with its interpreter. What
// they leave behind is data of the guest's; nothing of it is followed or run here.

import { randomBytes } from "node:crypto";
import { lstat, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../failure.ts";
import { isRecord } from "../is-record.ts";
import { type NetworkPolicy, parseNetwork } from "../network.ts";
import type { Package, PackageIndex, PackageIndexes } from "../packages.ts";
import type { Sandbox, SandboxHost, SandboxSpec } from "../port.ts";
import { type CommonLanguage, commonLanguage, type Packages, type Template } from "../templates.ts";
import type { Volume } from "../volumes.ts";
import buildNode from "./build.cjs" with { type: "text" };
import buildPython from "./build.py" with { type: "text" };
import { type Interpreter, layerFolder } from "./layer.ts";
import probeNode from "./probe.cjs" with { type: "text" };
import probePython from "./probe.py" with { type: "text" };

/** Of a sandbox that builds: installers unpack and compile. */
const resources = { cpus: 2, memoryMib: 2048 };

/** For the boot of the sandbox, and for what is run in it. Milliseconds. */
const buildMs = 1_800_000;

/** Of the installer's output, how much a failure tells. */
const lastLines = 12;
const lastCharacters = 1_500;
/** The longest line that is kept whole: the list of what was installed is one. Characters. */
const maxLineLength = 1_048_576;

const indexFolder = "/opt/msb/index";
const publicIndex: Readonly<Record<CommonLanguage, string>> = {
  python: "https://pypi.org/simple",
  node: "https://registry.npmjs.org",
};

const programs: Readonly<Record<CommonLanguage, { readonly probe: string; readonly build: string }>> = {
  python: { probe: probePython, build: buildPython },
  node: { probe: probeNode, build: buildNode },
};

export type BuildTools = {
  readonly host: SandboxHost;
  readonly indexes: PackageIndexes;
  /** Called with the id of each sandbox that is made, and when it is gone. */
  readonly claim: (sessionId: string) => Disposable;
  readonly signal: AbortSignal;
};

/** Which interpreter the template's sandboxes have. Throws Failure as `SandboxHost.create` does. */
export async function probe(template: Template, tools: BuildTools): Promise<Interpreter> {
  return await inSandbox(template, {}, tools, async (sandbox) => {
    const { success, lines } = await run(
      sandbox,
      programs[commonLanguage(template.language)].probe,
      tools.signal,
      () => undefined,
    );
    const told: unknown = success ? parse(lines.at(-1) ?? "") : undefined;
    if (!isInterpreter(told)) {
      throw new Failure(
        "sandbox_creation",
        `The interpreter of the template ${template.name} does not tell what it is.`,
      );
    }
    return told;
  });
}

/**
 * Installs the packages into `folder`, which is empty. Throws Failure `sandbox_creation` with the installer's last lines, `configuration` where
 * no sandbox can have the network that it takes.
 */
export async function build(
  template: Template,
  packages: Packages,
  folder: string,
  tools: BuildTools & { readonly onProgress: (message: string) => void },
): Promise<readonly Package[]> {
  const language = commonLanguage(template.language);
  const index = tools.indexes[language] ?? { kind: "url", url: publicIndex[language] };
  await prepare(join(folder, ".build"), packages, index);
  const mounts: Volume[] = [{ hostPath: folder, guestPath: layerFolder, readOnly: false }];
  if (index.kind === "folder") mounts.push({ hostPath: index.path, guestPath: indexFolder, readOnly: true });
  const { onProgress } = tools;
  const special = { mounts, network: networkFor(index, tools), onProgress };
  const installed = await inSandbox(template, special, tools, async (sandbox) => {
    const { success, lines } = await run(sandbox, programs[language].build, tools.signal, (line) => {
      const step = /^\s*((?:Collecting|Downloading|Installing|Building|Fetching|npm http fetch GET \d+) .*)/.exec(
        line,
      )?.[1];
      if (step !== undefined) onProgress(step.length > 160 ? `${step.slice(0, 159)}…` : step);
    });
    const told = success ? parse(/^installed: (.*)$/.exec(lines.at(-1) ?? "")?.[1] ?? "") : undefined;
    if (!isList(told)) throw notInstalled(template, lines);
    return told;
  });
  await rm(join(folder, ".build"), { recursive: true, force: true });
  // A link would have sandboxes see what it leads to on this machine.
  const place = join(folder, language === "python" ? "site" : "node_modules");
  const isFolder = await lstat(place).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw notInstalled(template, ["There is no folder of packages."]);
  return installed;
}

async function prepare(folder: string, packages: Packages, index: PackageIndex): Promise<void> {
  await mkdir(folder);
  const inGuest = index.kind === "folder" ? { kind: "folder", path: indexFolder } : index;
  await writeFile(join(folder, "settings.json"), JSON.stringify({ index: inGuest }));
  if (packages.kind === "requirements") {
    await writeFile(join(folder, "requirements.txt"), packages.text);
    return;
  }
  await writeFile(join(folder, "package.json"), packages.packageJson);
  if (packages.lock !== null) await writeFile(join(folder, "package-lock.json"), packages.lock);
}

/** Undefined where the backend does not govern it. */
function networkFor(index: PackageIndex, { host }: BuildTools): NetworkPolicy | undefined {
  if (host.backend === "server") return undefined;
  if (index.kind === "folder") return { kind: "none" };
  if (Object.values(publicIndex).includes(index.url)) return { kind: "packages" };
  const { hostname, port, protocol } = new URL(index.url);
  const reading = parseNetwork(`allow:${hostname}:${port || (protocol === "https:" ? "443" : "80")}`);
  if ("policy" in reading) return reading.policy;
  throw new Failure(
    "configuration",
    `The package index ${hostname} cannot be reached from a sandbox: ${reading.problems[0]}.`,
  );
}

async function inSandbox<T>(
  template: Template,
  special: Pick<SandboxSpec, "mounts" | "network" | "onProgress">,
  { host, claim, signal }: BuildTools,
  work: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const sessionId = `layer-${randomBytes(8).toString("hex")}`;
  using _claim = claim(sessionId);
  const late = AbortSignal.timeout(buildMs);
  const booting = host.create({ sessionId, template, resources, ...special }, AbortSignal.any([signal, late]));
  await using sandbox = await booting.catch((cause: unknown) => {
    if (signal.aborted || !late.aborted) throw cause;
    throw new Failure("sandbox_creation", `The sandbox that builds for the template ${template.name} did not start.`, {
      cause,
    });
  });
  return await work(sandbox);
}

/** The last lines of what it printed, in the order of their arrival. */
async function run(sandbox: Sandbox, source: string, signal: AbortSignal, onLine: (line: string) => void) {
  const lines: string[] = [];
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const rests = { stdout: "", stderr: "" };
  const take = (line: string) => {
    if (line.trim() === "") return;
    lines.push(line);
    if (lines.length > lastLines) lines.shift();
    onLine(line);
  };
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(buildMs)]);
  const { success } = await sandbox.run({
    ...{ kind: "code", source, timeoutMs: buildMs, signal: deadline },
    onOutput: (stream, bytes) => {
      const pieces = (rests[stream] + decoders[stream].decode(bytes, { stream: true })).split("\n");
      rests[stream] = (pieces.pop() ?? "").slice(-maxLineLength);
      for (const piece of pieces) take(piece);
    },
  });
  signal.throwIfAborted();
  for (const rest of [rests.stdout, rests.stderr]) take(rest);
  return { success, lines };
}

function notInstalled({ name }: Template, lines: readonly string[]): Failure {
  const told = lines.join("\n").slice(-lastCharacters);
  return new Failure("sandbox_creation", `The packages of the template ${name} could not be installed:\n${told}\n`, {
    advice: [
      "Correct the packages in the templates file, or see that their registry can be reached: msb-mcp pull tries again.",
    ],
    context: { template: name },
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isInterpreter(value: unknown): value is Interpreter {
  const keys = ["executable", "version", "abi", "platform", "libc", "path"] as const;
  return isRecord(value) && keys.every((key) => typeof value[key] === "string");
}

function isList(value: unknown): value is readonly Package[] {
  const isPackage = (one: unknown) => isRecord(one) && typeof one.name === "string" && typeof one.version === "string";
  return Array.isArray(value) && value.every(isPackage);
}
