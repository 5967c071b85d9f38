// What can be told of the images without building them: the profile of system calls and the compose file.

import { expect, test } from "bun:test";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { root } from "../docs/blocks.ts";
import { services } from "./compose.ts";

type Rule = {
  readonly names: readonly string[];
  readonly action: string;
  readonly args?: readonly object[];
  readonly comment?: string;
};

const profile: { readonly defaultAction: string; readonly syscalls: readonly Rule[] } = await Bun.file(
  join(root, "deploy/docker/seccomp.json"),
).json();
const added = profile.syscalls.filter(({ comment }) => comment?.startsWith("msb-mcp: "));

test("the profile adds seven system calls to Docker's, and those that make namespaces only with a user namespace", () => {
  expect(added.flatMap(({ names }) => names).sort()).toEqual(
    ["clone", "mount", "pivot_root", "sethostname", "setns", "umount2", "unshare"].sort(),
  );
  expect(added.every(({ action }) => action === "SCMP_ACT_ALLOW")).toBe(true);
  // CLONE_NEWUSER, namespaces(7).
  const withUserNamespace = [{ index: 0, value: 0x10000000, valueTwo: 0x10000000, op: "SCMP_CMP_MASKED_EQ" }];
  for (const { names, args } of added) {
    const isMaker = names.includes("clone") || names.includes("unshare");
    expect(args).toEqual(isMaker ? withUserNamespace : undefined);
  }
});

test("whatever else the profile allows, Docker's default has: nothing is allowed by default, and the added rules are its last", () => {
  expect(profile.defaultAction).toBe("SCMP_ACT_ERRNO");
  expect(profile.syscalls.slice(-added.length)).toEqual(added);
  // A program that asks for clone3 is to fall back to clone, whose flags can be looked at.
  const clone3 = profile.syscalls.filter(({ names }) => names.includes("clone3"));
  expect(clone3.map(({ action }) => action)).toEqual(["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"]);
});

const go = await madeByGo();

test.skipIf(go.missing !== undefined)(
  `the profile is what its program makes of the engine's own module${because(go.missing)}`,
  () => {
    expect(go.profile).toEqual(profile);
  },
);

/** The profile as scripts/seccomp prints it; or why that cannot be run here. */
async function madeByGo(): Promise<{ readonly profile?: unknown; readonly missing?: string }> {
  const program = Bun.which("go");
  if (program === null) return { missing: "there is no go" };
  const child = Bun.spawn([program, "run", "."], {
    cwd: join(root, "scripts/seccomp"),
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 120_000, killSignal: "SIGKILL" },
  });
  const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (status === 0) return { profile: JSON.parse(stdout) };
  // A module that cannot be fetched is the machine's; one that does not compile is ours.
  const last = stderr.trim().split("\n").at(-1) ?? "";
  if (/dial tcp|no such host|connection refused|timeout/i.test(stderr)) return { missing: last };
  throw new Error(`scripts/seccomp: ${last}`);
}

function because(missing: string | undefined): string {
  return missing === undefined ? "" : ` (${missing})`;
}

test("the compose file has a service for each backend of this machine or a server, each in a profile of its name", async () => {
  const all = await services();
  expect(Object.keys(all)).toEqual(["microvm", "server", "namespace"]);
  // The image `full` has its backend already.
  const backends = Object.values(all).map(({ flags }) => flags.filter((flag) => flag.includes("BACKEND")));
  expect(backends).toEqual([["--env=MCP_SANDBOX_BACKEND=microvm"], ["--env=MCP_SANDBOX_BACKEND=server"], []]);
  for (const [name, { profiles, flags }] of Object.entries(all)) {
    expect(profiles).toEqual([name]);
    expect(flags).toContain("--cap-drop=ALL");
    expect(flags).toContain("--read-only");
  }
});

test("the labels name the server as the registry knows it", async () => {
  const dockerfile = await Bun.file(join(root, "Dockerfile")).text();
  const { mcpName } = packageJson as { readonly mcpName?: string };
  const names = [...dockerfile.matchAll(/^ARG SERVER_NAME=(.*)$/gm)].map(([, name]) => name);
  expect(new Set(names)).toEqual(new Set([mcpName ?? "io.github.msb-mcp/msb-mcp"]));
});
