import { expect, test } from "bun:test";
import { type Confinement, obstaclesIn } from "../../../src/sandbox/namespace/obstacles.ts";

const settings = (values: Readonly<Record<string, string>>) => (name: string) => values[name] ?? "";
const ordinary = "Name:\tmsb-mcp\nUid:\t65532\t65532\t65532\t65532\nSeccomp:\t0\n";
const confinement = (changes: Partial<Confinement>): Confinement => ({
  ...{ isContainer: true, status: ordinary, profile: "", sysctl: settings({}) },
  ...changes,
});
const flagsIn = (changes: Partial<Confinement>): readonly string[] => [
  ...(obstaclesIn(confinement(changes)).advice[0]?.match(/--[a-z-]+ [^\s.]+(?:\.json)?/g) ?? []),
];
const always = ["--security-opt seccomp=seccomp.json", "--security-opt systempaths=unconfined"];

test("in a container, the flags are named that it takes", () => {
  expect(obstaclesIn(confinement({})).what).toContain("container");
  expect(flagsIn({})).toEqual(always);
  expect(flagsIn({ profile: "unconfined" })).toEqual(always);
});

test("AppArmor's profile and root get a flag more", () => {
  expect(flagsIn({ profile: "docker-default (enforce)" })).toEqual([...always, "--security-opt apparmor=unconfined"]);
  expect(flagsIn({ status: "Uid:\t0\t0\t0\t0\nSeccomp:\t2\n" })).toEqual([...always, "--user 65532"]);
});

test("a setting of the kernel that forbids user namespaces is named with the value that allows them", () => {
  const sysctl = settings({
    "user.max_user_namespaces": "96364",
    "kernel.unprivileged_userns_clone": "0",
    "kernel.apparmor_restrict_unprivileged_userns": "1",
  });
  const told =
    "sysctl -w kernel.unprivileged_userns_clone=1 && sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
  for (const isContainer of [true, false]) {
    expect(obstaclesIn(confinement({ isContainer, sysctl })).advice.at(-1)).toEndWith(told);
  }
});

test("on a machine whose settings forbid nothing, all that could are named", () => {
  const { what, advice } = obstaclesIn(confinement({ isContainer: false }));
  expect(what).toContain("machine");
  expect(advice).toHaveLength(1);
  expect(advice[0]).toContain("user.max_user_namespaces");
});

test("a kernel that cannot filter system calls is told as such, and what to use instead", () => {
  const { what, advice } = obstaclesIn(confinement({ status: "Name:\tmsb-mcp\nUid:\t0\t0\t0\t0\n" }));
  expect(what).toContain("cannot filter system calls");
  expect(advice[0]).toContain("CONFIG_SECCOMP_FILTER");
  // What cannot be read says nothing.
  expect(obstaclesIn(confinement({ status: "" })).what).not.toContain("filter");
});

test("a kernel that executes no file in memory is told with the setting", () => {
  const { what, advice } = obstaclesIn(confinement({ sysctl: settings({ "vm.memfd_noexec": "2" }) }));
  expect(what).toContain("a file in memory");
  expect(advice).toEqual(["Allow it: sysctl -w vm.memfd_noexec=1."]);
  expect(obstaclesIn(confinement({ sysctl: settings({ "vm.memfd_noexec": "1" }) })).what).not.toContain("in memory");
});
