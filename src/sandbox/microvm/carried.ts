// Which microsandbox runtime does this program carry? scripts/build.ts puts another module in the place of this one, whose
// `carried` names the embedded files, or says that the build has none.

import type { PartName, RuntimePlatform } from "./platform.ts";

export type Carried =
  /** Run from source: the runtime is the one in this project's own node_modules. */
  | { readonly kind: "project" }
  | EmbeddedRuntime
  /** A build without a runtime, which uses one that is installed; its platform is undefined where there is none to install. */
  | { readonly kind: "none"; readonly platform: RuntimePlatform | undefined };

export type EmbeddedRuntime = {
  readonly kind: "embedded";
  readonly platform: RuntimePlatform;
  /** Of the npm package. */
  readonly version: string;
  /** Of all parts together; in hex, as much as tells builds apart. */
  readonly hash: string;
  readonly parts: readonly EmbeddedPart[];
};

export type EmbeddedPart = {
  readonly name: PartName;
  /** Where it belongs, relative to the runtime's folder: `bin/msb`. */
  readonly place: string;
  /** Of the compressed file: a path that Bun.file reads. */
  readonly file: string;
  /** Unpacked. */
  readonly sizeBytes: number;
  /** Unpacked, in hex. */
  readonly sha256: string;
};

export const carried: Carried = { kind: "project" };
