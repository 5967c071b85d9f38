// The resources that clients see, by the schemes of their URIs.

import type { ReadResourceResult, Resource, ResourceTemplate } from "@modelcontextprotocol/sdk/types.js";
import type { CallContext, ResourceSet } from "../tool-set.ts";

export type ResourceScheme = {
  /** What its URIs begin with: `sandbox://`. */
  readonly prefix: string;
  /** The same for every caller. */
  readonly resources: readonly Resource[];
  readonly templates: readonly ResourceTemplate[];
  /** As `ResourceSet.read`, for a URI that begins so. */
  read(uri: string, context: CallContext): ReadResourceResult | Promise<ReadResourceResult> | undefined;
};

export function resourceTable(schemes: readonly ResourceScheme[]): ResourceSet {
  return {
    resources: schemes.flatMap(({ resources }) => resources),
    templates: schemes.flatMap(({ templates }) => templates),
    read: (uri, context) => schemes.find(({ prefix }) => uri.startsWith(prefix))?.read(uri, context),
  };
}
