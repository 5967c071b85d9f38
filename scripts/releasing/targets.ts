// What a release has an executable for. A target carries the microVM runtime where bun.lock pins the package of its platform, so that the
// bytes of a release follow from its commit and not from what a registry has that day.

import type { BuildTarget } from "../building/executable.ts";

export type Target = {
  readonly id: string;
  readonly bunTarget: BuildTarget;
  readonly os: "linux" | "darwin" | "win32";
  readonly arch: "x64" | "arm64";
  readonly libc: "glibc" | "musl" | undefined;
  /** The file's name in a release. */
  readonly executable: string;
  readonly hasRuntime: boolean;
};

export const targets = [
  {
    id: "linux-x64",
    bunTarget: "bun-linux-x64",
    os: "linux",
    arch: "x64",
    libc: "glibc",
    executable: "msb-mcp-linux-x64",
    hasRuntime: true,
  },
  {
    id: "linux-arm64",
    bunTarget: "bun-linux-arm64",
    os: "linux",
    arch: "arm64",
    libc: "glibc",
    executable: "msb-mcp-linux-arm64",
    hasRuntime: false,
  },
  {
    id: "linux-x64-musl",
    bunTarget: "bun-linux-x64-musl",
    os: "linux",
    arch: "x64",
    libc: "musl",
    executable: "msb-mcp-linux-x64-musl",
    hasRuntime: false,
  },
  {
    id: "linux-arm64-musl",
    bunTarget: "bun-linux-arm64-musl",
    os: "linux",
    arch: "arm64",
    libc: "musl",
    executable: "msb-mcp-linux-arm64-musl",
    hasRuntime: false,
  },
  {
    id: "darwin-arm64",
    bunTarget: "bun-darwin-arm64",
    os: "darwin",
    arch: "arm64",
    libc: undefined,
    executable: "msb-mcp-darwin-arm64",
    hasRuntime: false,
  },
  {
    id: "darwin-x64",
    bunTarget: "bun-darwin-x64",
    os: "darwin",
    arch: "x64",
    libc: undefined,
    executable: "msb-mcp-darwin-x64",
    hasRuntime: false,
  },
  {
    id: "windows-x64",
    bunTarget: "bun-windows-x64",
    os: "win32",
    arch: "x64",
    libc: undefined,
    executable: "msb-mcp-windows-x64.exe",
    hasRuntime: false,
  },
] as const satisfies readonly Target[];

/** An executable of a release that has been built. */
export type Executable = { readonly target: Target; readonly path: string };
