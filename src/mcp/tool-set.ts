// What the edge asks of the tools: their list as it goes to the wire, and one call. The edge knows no single tool, and
// the tools know no transport. tool.ts and catalog.ts make the product's; test/conformance/ makes another for the suites.

import type {
  CallToolResult,
  ReadResourceResult,
  Resource,
  ResourceTemplate,
  Tool,
} from "@modelcontextprotocol/sdk/types.js";
import type { Audience } from "./caller.ts";
import type { CreatedTask, DetailedTask } from "./tasks/wire.ts";

export type CallAccount = {
  /** Milliseconds that it spent waiting for a sandbox and running in it; null if it ran nothing. */
  spentMs: number | null;
  /** The kind of Failure that it came to. */
  failure: string | undefined;
};

export type CallContext = {
  /** Who calls, as decided before the edge. */
  readonly principal: string;
  readonly audience: Audience;
  /** The client knows blocks of the type `resource_link`. */
  readonly takesLinks: boolean;
  /** Aborts when the client cancelled, or left where leaving is cancelling, or the server stops. */
  readonly signal: AbortSignal;
  /** Names this call in the log, and to the client if it fails unexpectedly. Unique in this process's life. */
  readonly requestId: string;
  /** What there is to tell of the call beside its result, filled in by whoever carries it out. */
  readonly account: CallAccount;
  /** The client takes a task for an answer: the tool may say that it goes on, and tell its result as that of a task. */
  readonly mayBecomeTask: boolean;
  /** Reports a chunk of output as text. Throttling and caps are the edge's. Does nothing if the client asked for no progress. */
  readonly progress: (message: string) => void;
};

export type ToolAnswer = CallToolResult | CreatedTask;

export type TaskCaller = Pick<CallContext, "principal" | "audience">;

/** The tasks that calls have become. Throws, or rejects with, errors that have a `code` of their own for a task that the caller does not have. */
export interface TaskSet {
  get(caller: TaskCaller, taskId: string): Promise<DetailedTask>;
  /** For input that a task has asked for, which none of ours does. */
  update(caller: TaskCaller, taskId: string): void | Promise<void>;
  /** Asks for its end. Does nothing if it has ended. */
  cancel(caller: TaskCaller, taskId: string): void | Promise<void>;
  /** Resolves with undefined for a task that the caller does not have. Once the signal aborts, nobody asks for its end any more. */
  ended(caller: TaskCaller, taskId: string, signal: AbortSignal): Promise<TaskEnd | undefined>;
}

export type TaskEnd = {
  /** Resolves when it has ended, or nobody can tell any more. */
  over(): Promise<void>;
};

/** What can be read beside what tools answer, by URI. */
export interface ResourceSet {
  /** The same for every caller, as the templates. */
  readonly resources: readonly Resource[];
  readonly templates: readonly ResourceTemplate[];
  /**
   * Throws, or rejects with, Failure: `file_not_found` and `session_not_found` are told as a resource that is not there. Undefined: the URI
   * names nothing that there could be.
   */
  read(uri: string, context: CallContext): ReadResourceResult | Promise<ReadResourceResult> | undefined;
}

export interface ToolSet {
  /** There if calls may become tasks. */
  readonly tasks?: TaskSet;
  /** There if the server offers resources beside its tools. */
  readonly resources?: ResourceSet;
  /** The same for every caller and connection, in the same order. */
  list(): readonly Tool[];
  /**
   * Whether it throws or rejects is the same. Errors that have a numeric `code` of their own (and `data`) go to the wire as they are; anything else thrown is
   * answered as an internal error that tells nothing but the request id.
   */
  call(name: string, args: unknown, context: CallContext): ToolAnswer | Promise<ToolAnswer>;
}
