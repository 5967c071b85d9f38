// What can go wrong with one call of the server's API, told apart by transport and codes, never by messages.

export type CallProblem =
  /** No connection, or it broke: the call may or may not have been carried out. */
  | "unreachable"
  /** No answer within our own deadline. */
  | "timeout"
  /** 401. */
  | "unauthorized"
  /** 403. */
  | "forbidden"
  /** Another 4xx: the server understood and refuses. Nothing has been done. */
  | "rejected"
  /** 500/5002, which says nothing. */
  | "internal"
  /** An answer, but not one of this API. */
  | "malformed";

/** One call failed. Never leaves this adapter: translated into a Failure in failures.ts. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly problem: CallProblem;
  readonly method: string;
  /** The server's own code (1001, 1004, 3001, …), where it gave one. */
  readonly code: number | null;
  /** Nothing has been done: the server was not reached, or has refused. */
  readonly harmless: boolean;

  constructor(detail: string, options: CallErrorOptions) {
    super(detail, { cause: options.cause });
    this.problem = options.problem;
    this.method = options.method;
    this.code = options.code ?? null;
    this.harmless = options.unsent === true || ["unauthorized", "forbidden", "rejected"].includes(options.problem);
  }
}

type CallErrorOptions = {
  readonly problem: CallProblem;
  readonly method: string;
  readonly code?: number | null;
  /** No connection was made. */
  readonly unsent?: boolean;
  readonly cause?: unknown;
};
