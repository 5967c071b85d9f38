// Failure: what is thrown when we could not do what was asked, and the one table that says how each
// kind looks to a client. A program that failed is not a Failure but an Outcome (sessions/executions/outcome.ts).
// StartError: what is thrown when the server cannot start.

/** A kind exists only where a caller would act differently. */
export type FailureKind =
  | "limit_reached"
  | "configuration"
  | "sandbox_creation"
  | "code_execution"
  | "command_execution"
  | "session_not_found"
  | "execution_not_found"
  | "file_not_found"
  | "file_refused"
  | "connection"
  | "invalid_arguments"
  | "internal";

export type FailureRow = {
  /** JSON-RPC error code. */
  readonly code: -32600 | -32602 | -32603;
  readonly errorCode: string;
  readonly category: string;
  readonly severity: "low" | "medium" | "high";
  /** How every message of this kind begins; clients that drop `data` still see it. */
  readonly prefix: string;
  /** The first thing to do about it, for a failure that brings no advice of its own. */
  readonly advice: string;
};

/** CONTRACT.md section 6. */
export const failureTable: Readonly<Record<FailureKind, FailureRow>> = {
  limit_reached: {
    code: -32600,
    errorCode: "RESOURCE_LIMIT_EXCEEDED",
    category: "resource",
    severity: "high",
    prefix: "Resource limit exceeded",
    advice: "Stop a session that is no longer needed with stop_session, then try again.",
  },
  configuration: {
    code: -32603,
    errorCode: "CONFIGURATION_ERROR",
    category: "configuration",
    severity: "high",
    prefix: "Configuration error",
    advice: "Ask the operator of this server to correct its configuration.",
  },
  sandbox_creation: {
    code: -32603,
    errorCode: "SANDBOX_CREATION_ERROR",
    category: "resource",
    severity: "high",
    prefix: "Sandbox creation failed",
    advice: "Try again; if it keeps failing, ask the operator to look at the server's log.",
  },
  code_execution: {
    code: -32603,
    errorCode: "CODE_EXECUTION_ERROR",
    category: "execution",
    severity: "medium",
    prefix: "Code execution failed",
    advice: "Start a new session by leaving session_id out.",
  },
  command_execution: {
    code: -32603,
    errorCode: "COMMAND_EXECUTION_ERROR",
    category: "execution",
    severity: "medium",
    prefix: "Command execution failed",
    advice: "Start a new session by leaving session_id out.",
  },
  session_not_found: {
    code: -32602,
    errorCode: "SESSION_NOT_FOUND",
    category: "session",
    severity: "low",
    prefix: "Session not found",
    advice: "Start a new session by leaving session_id out.",
  },
  execution_not_found: {
    code: -32602,
    errorCode: "EXECUTION_NOT_FOUND",
    category: "execution",
    severity: "low",
    prefix: "Execution not found",
    advice: "get_sessions tells which executions there are.",
  },
  file_not_found: {
    code: -32602,
    errorCode: "FILE_NOT_FOUND",
    category: "file",
    severity: "low",
    prefix: "File not found",
    advice: "list_files shows what there is.",
  },
  file_refused: {
    code: -32602,
    errorCode: "FILE_REFUSED",
    category: "file",
    severity: "low",
    prefix: "File operation refused",
    advice: "Choose another path, or correct what the message names.",
  },
  connection: {
    code: -32603,
    errorCode: "CONNECTION_ERROR",
    category: "network",
    severity: "high",
    prefix: "Connection error",
    advice: "Check that the sandbox backend is running and can be reached.",
  },
  invalid_arguments: {
    code: -32602,
    errorCode: "INVALID_ARGUMENTS",
    category: "validation",
    severity: "low",
    prefix: "Invalid arguments",
    advice: "Correct the argument that the message names and call again.",
  },
  internal: {
    code: -32603,
    errorCode: "INTERNAL_ERROR",
    category: "internal",
    severity: "high",
    prefix: "Internal error",
    advice: "Try again; if it keeps failing, give the operator the request id of this message.",
  },
};

export type FailureOptions = {
  /** Facts for `data.context`: ids, values, limits. Never host paths, tokens or stacks. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** What to do about this very failure, first things first. */
  readonly advice?: readonly string[];
  readonly cause?: unknown;
};

/** We could not do what was asked. `message` is whole (prefix, what happened, first advice) and safe to show to a client. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: FailureKind;
  /** The message without the prefix and the advice. */
  readonly what: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly advice: readonly string[];

  /** `what` is one or two sentences that name what failed, the value and the limit, without the prefix. */
  constructor(kind: FailureKind, what: string, options: FailureOptions = {}) {
    const row = failureTable[kind];
    const advice = options.advice ?? [row.advice];
    const [first] = advice;
    super(first === undefined ? `${row.prefix}: ${what}` : `${row.prefix}: ${what} ${first}`, { cause: options.cause });
    this.kind = kind;
    this.what = what;
    this.context = options.context ?? {};
    this.advice = advice;
  }
}

/** It could not start. The message is for the operator. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** What is wrong is what the operator has configured, as far as only a start can tell. */
  readonly isConfiguration: boolean;

  constructor(message: string, options: { readonly isConfiguration: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.isConfiguration = options.isConfiguration;
  }
}

/** How many causes are told of one failure. */
const causesTold = 5;

/** What the causes say, the nearest first, in one line: for the operator only. Undefined where there is none. */
export function causeOf(error: unknown): string | undefined {
  const told: string[] = [];
  for (let at = nextCause(error); at !== undefined && told.length < causesTold; at = nextCause(at)) {
    told.push((at instanceof Error ? at.message : String(at)).replace(/\s+/g, " ").trim());
  }
  return told.length === 0 ? undefined : told.join(": ");
}

function nextCause(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
