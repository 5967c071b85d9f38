// A session as the walk knows it.

import type { Flavor } from "../../src/sandbox/flavors.ts";

export type Known = {
  readonly id: string;
  readonly principal: string;
  readonly value: string;
  readonly flavor: Flavor;
  /** Its interpreter need not have the value any more, or never had it. */
  isReset: boolean;
  /** As was told first; it may not change. */
  reason: string | undefined;
};

export const principals = ["alice", "bob", "carol"];

export class Canceled extends Error {}

export function isActive({ status }: { readonly status: string }): boolean {
  return status !== "stopping";
}
