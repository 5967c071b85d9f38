// What starts bubblewrap keeps of the mount that bubblewrap is on.

import { expect, test } from "bun:test";
import { mountFlags } from "../../../src/sandbox/namespace/launcher/boot.ts";

const line = (point: string, options: string) => `30 1 8:1 / ${point} ${options} shared:1 - ext4 /dev/sda1 rw`;
const mounts = [
  line("/", "rw,relatime"),
  line("/usr", "rw,nosuid,nodev,noatime"),
  line("/usr/bin-of-others", "rw,noexec"),
  line("/opt", "rw"),
  line("/opt", "rw,nodev"),
].join("\n");

test("the flags are those of the mount that a folder is on, the innermost and the last", () => {
  expect(mountFlags(mounts, "/bin")).toBe(0x20_0000);
  expect(mountFlags(mounts, "/usr/bin")).toBe(2 | 4 | 0x400);
  expect(mountFlags(mounts, "/usr")).toBe(2 | 4 | 0x400);
  expect(mountFlags(mounts, "/opt/bin")).toBe(4);
});

test("a machine that tells of no mount has no flags to keep", () => {
  expect(mountFlags("", "/usr/bin")).toBe(0);
});
