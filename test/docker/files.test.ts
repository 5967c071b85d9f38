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
