// The tasks extension of 2026-07-28 as it goes over the wire: what is announced and declared, and what a task looks like.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { type IncomingRequest, isRecord, metaOf } from "../messages.ts";
import { CAPABILITIES_KEY, isOf2026 } from "../meta-2026.ts";

export const tasksExtension = "io.modelcontextprotocol/tasks";

/** What every form of a task tells. */
export type TaskFields = {
  readonly taskId: string;
  readonly statusMessage?: string;
  /** ISO 8601, as the next one. */
  readonly createdAt: string;
  readonly lastUpdatedAt: string;
  /** Null: no time is set. */
  readonly ttlMs: number | null;
  readonly pollIntervalMs: number;
};

export type WireError = { readonly code: number; readonly message: string; readonly data?: unknown };

/** The result of a call as 2026-07-28 has it, wherever it is told: its official client takes no other. */
export type CompleteResult = CallToolResult & { readonly resultType: "complete" };

/** As `tasks/get` and `notifications/tasks` tell it. */
export type DetailedTask = TaskFields &
  (
    | { readonly status: "working" | "cancelled" }
    | { readonly status: "completed"; readonly result: CompleteResult }
    | { readonly status: "failed"; readonly error: WireError }
  );

/** The answer to a call that became a task. */
export type CreatedTask = TaskFields & {
  readonly resultType: "task";
  readonly status: "working";
  readonly isError?: undefined;
};

/** Whether the client takes a task for an answer to this request. */
export function declaresTasks(request: IncomingRequest): boolean {
  if (!isOf2026(request)) return false;
  const capabilities = metaOf(request.params)?.[CAPABILITIES_KEY];
  const extensions = isRecord(capabilities) ? capabilities.extensions : undefined;
  return isRecord(extensions) && isRecord(extensions[tasksExtension]);
}
