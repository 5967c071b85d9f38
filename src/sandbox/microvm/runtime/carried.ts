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
  /** All parts, one after the other, compressed as one, because they share code: a path that Bun.file reads. */
  readonly file: string;
  readonly parts: readonly EmbeddedPart[];
};

export type EmbeddedPart = {
  readonly name: PartName;
  /** Where it belongs, relative to the runtime's folder: `bin/msb`. */
  readonly place: string;
  /** Where it begins in the unpacked file. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** In hex. */
  readonly sha256: string;
};

export const carried: Carried = { kind: "project" };
