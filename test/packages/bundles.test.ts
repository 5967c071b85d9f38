// The .mcpb bundles, by the official tool, and server.json, by the registry's own schema and by what its requirements add to it.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import packageJson from "../../package.json" with { type: "json" };
import { type Bundle, makeBundles } from "../../scripts/releasing/mcpb.ts";
import { makeServerJson } from "../../scripts/releasing/registry.ts";
import type { Executable } from "../../scripts/releasing/targets.ts";
import { foreignExecutable, ownExecutable, ownTarget } from "./executable.ts";
import { goModule, npmTool } from "./tools.ts";

// A build, and the compression of an executable on a busy machine. Milliseconds.
setDefaultTimeout(180_000);

const version = packageJson.version;

const tool = await npmTool("@anthropic-ai/mcpb", "2.1.2", "the official tool over .mcpb bundles");
const registry = await goModule(
  "github.com/modelcontextprotocol/registry",
  "v1.8.9",
  "server.json by the schema of the MCP registry",
);

let folder: string;
let foreign: readonly Executable[];
let bundles: readonly Bundle[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "msb-mcp-bundles-test-"));
  const others = (["linux-arm64-musl", "windows-x64", "darwin-arm64"] as const).filter((id) => id !== ownTarget.id);
  foreign = await Promise.all(others.map((id) => foreignExecutable(id, join(folder, "foreign"))));
  const executables = [await ownExecutable(), ...foreign];
  const notices = new Map([["windows-x64", "the licenses of the parts"]]);
  bundles = await makeBundles({ version, outDir: join(folder, "bundles"), executables, notices });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("there is a bundle a platform that has desktop clients", () => {
  const names = bundles.map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
  const desktops = [ownTarget.id, "windows-x64", "darwin-arm64"].filter((id) => !id.endsWith("-musl"));
  expect(names.toSorted()).toEqual([...new Set(desktops)].map((id) => `msb-mcp-${id}.mcpb`).toSorted());
});

test("the same executables make the same bundles, in any time zone", async () => {
  const sums = async (outDir: string) => {
    const again = await makeBundles({ version, outDir, executables: foreign });
    return await Promise.all(again.map(async ({ path }) => Bun.SHA256.hash(await Bun.file(path).bytes(), "hex")));
  };
  const { TZ: zone } = process.env;
  try {
    process.env.TZ = "Asia/Tokyo";
    const east = await sums(join(folder, "east"));
    process.env.TZ = "America/Los_Angeles";
    expect(await sums(join(folder, "west"))).toEqual(east);
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});

describe.skipIf(tool === undefined)("the official tool", () => {
  const cli = join(tool ?? "", "dist/cli/cli.js");

  const mcpb = async (...args: readonly string[]) => {
    const child = Bun.spawn([process.execPath, cli, ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { status: await child.exited, said: stdout + stderr };
  };

  test("unpacks every bundle and finds its manifest valid", async () => {
    for (const { target, path } of bundles) {
      const unpacked = join(folder, "unpacked", target.id);
      expect(await mcpb("unpack", path, unpacked)).toMatchObject({ status: 0 });
      expect(await mcpb("validate", unpacked)).toMatchObject({ status: 0 });
      expect(await Bun.file(join(unpacked, "LICENSE")).text()).toContain("MIT License");
    }
    const notice = Bun.file(join(folder, "unpacked/windows-x64/THIRD-PARTY-LICENSES"));
    expect(await notice.text()).toBe("the licenses of the parts");
  });

  test.skipIf(ownTarget.libc === "musl")("what it unpacks starts as a client starts it, and speaks MCP", async () => {
    const unpacked = join(folder, "unpacked", ownTarget.id);
    const manifest = await Bun.file(join(unpacked, "manifest.json")).json();
    const { getMcpConfigForManifest } = await import(join(tool ?? "", "dist/shared/config.js"));
    const config = await getMcpConfigForManifest({
      manifest,
      extensionPath: unpacked,
      systemDirs: {},
      userConfig: { backend: "server" },
      pathSeparator: "/",
    });
    expect(config.env).toEqual({
      MCP_SANDBOX_BACKEND: "server",
      MSB_SERVER_URL: "",
      MSB_API_KEY: "",
      MSB_MAX_SESSIONS: "10",
    });
    const child = Bun.spawn([config.command, ...config.args], {
      env: { ...config.env, HOME: folder, PATH: process.env.PATH ?? "" },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } };
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`);
    child.stdin.end();
    const [stdout] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(JSON.parse(stdout)).toMatchObject({ id: 1, result: { serverInfo: { version } } });
    expect(await child.exited).toBe(0);
  });
});

describe("server.json", () => {
  type Package = Readonly<Record<string, unknown>> & { readonly registryType: string; readonly identifier: string };
  let server: Readonly<Record<string, unknown>> & { readonly packages: readonly Package[] };

  beforeAll(async () => {
    server = await Bun.file(await makeServerJson({ version, outDir: folder, bundles })).json();
  });

  test.skipIf(registry === undefined)("is valid by the schema of the registry", async () => {
    const schema = await Bun.file(join(registry ?? "", "internal/validators/schemas/2025-12-11.json")).json();
    expect(server.$schema).toBe(schema.$id);
    // The schema has examples beside its types, which is no error.
    const ajv = new Ajv({ strict: false, allErrors: true });
    addFormats(ajv);
    const validate = ajv.compile(schema);
    validate(server);
    expect(validate.errors).toBeNull();
  });

  test("holds what the registry requires beyond its schema", async () => {
    expect(server).toMatchObject({ name: packageJson.mcpName, version });
    expect(String(server.description).length).toBeLessThanOrEqual(100);
    const npm = server.packages.find((it) => it.registryType === "npm");
    expect(npm).toMatchObject({ identifier: "msb-mcp", version, transport: { type: "stdio" } });
    const oci = server.packages.find((it) => it.registryType === "oci");
    expect(oci?.identifier).toEndWith(`:${version}`);
    expect(oci).not.toHaveProperty("version");
    const ofBundles = server.packages.filter((it) => it.registryType === "mcpb");
    expect(ofBundles).toHaveLength(bundles.length);
    for (const { target, path } of bundles) {
      const own = ofBundles.find((it) => it.identifier.endsWith(`/v${version}/msb-mcp-${target.id}.mcpb`));
      expect(own?.identifier).toStartWith("https://github.com/");
      expect(own?.fileSha256).toBe(new Bun.CryptoHasher("sha256").update(await Bun.file(path).bytes()).digest("hex"));
    }
  });

  test("asks for keys as secrets, and for no value that a client would set by itself", () => {
    const variables = server.packages.flatMap(({ environmentVariables = [] }) =>
      Object.values(Object(environmentVariables)),
    );
    expect(variables).not.toHaveLength(0);
    for (const variable of variables) {
      expect(variable).not.toHaveProperty("default");
      if (Object(variable).name === "MSB_API_KEY") expect(variable).toHaveProperty("isSecret", true);
    }
  });
});
