// What nodes say to each other: one call of what a node's tools, resources or tasks are asked, and the lines of its answer. Nodes of the version
// before and after this one say the same; what is not known is left out.

import { Failure, type FailureKind, failureTable } from "../../failure.ts";
import type { Audience } from "../../mcp/caller.ts";
import { ProtocolError } from "../../mcp/tool.ts";
import type { CallAccount } from "../../mcp/tool-set.ts";
import type { Placement, Renewal } from "../port.ts";

export const callPath = "/cluster/v1/call";
export const renewPath = "/cluster/v1/renew";
export const filesPath = "/cluster/v1/files";
export const streamPath = "/cluster/v1/stream";

/** Where a new session was placed. */
export type Placed = {
  readonly reservation: string;
  /** Sessions of the principal on other nodes, as of `Placement`. */
  readonly elsewhere: number;
  /** Of these sessions, the memory. */
  readonly elsewhereMemoryMib?: number;
  /** Whoever asks takes `moved` for an answer. */
  readonly mayMove?: boolean;
};

export type PeerCall =
  | {
      readonly kind: "tool";
      readonly name: string;
      readonly args?: unknown;
      readonly audience: Audience;
      readonly takesLinks: boolean;
      readonly mayBecomeTask: boolean;
      readonly placed?: Placed | undefined;
    }
  | {
      readonly kind: "resource";
      readonly uri: string;
      readonly audience: Audience;
      readonly takesLinks: boolean;
    }
  | {
      readonly kind: "task";
      /** `ended`: answered once it has. */
      readonly act: "get" | "update" | "cancel" | "ended";
      readonly taskId: string;
      readonly audience: Audience;
    }
  /** Whether it can be reached. */
  | { readonly kind: "ping" };

/** Why a node does not do what it was asked: nothing was begun. */
export type Declined = "draining" | "unknown_call" | "too_large";

/** The last line of an answer. */
export type FinalLine =
  | { readonly result: unknown; readonly account?: CallAccount }
  | { readonly error: WireError; readonly account?: CallAccount }
  | { readonly failure: WireFailure; readonly account?: CallAccount }
  | { readonly declined: Declined }
  /** It waited for room, and a place is held for it on another node. Nothing was begun. */
  | { readonly moved: Placement }
  /** The request id under which the log of the node that was asked tells more. */
  | { readonly unexpected: string };

/** Those before it; an empty one is a sign of life. */
export type AnswerLine = { readonly progress?: string } | FinalLine;

export type RenewAnswer = Renewal | { readonly outcome: "registry-unreachable" };

type WireError = { readonly code: number; readonly message: string; readonly data?: unknown };
type WireFailure = Pick<Failure, "kind" | "what" | "context" | "advice">;

export function lineOf(line: object): string {
  return `${JSON.stringify(line)}\n`;
}

/** Undefined for what has neither a `code` of its own nor is a Failure. */
export function lineOfError(error: unknown, account: CallAccount): FinalLine | undefined {
  if (error instanceof Failure) {
    const { kind, what, context, advice } = error;
    return { failure: { kind, what, context, advice }, account };
  }
  if (!(error instanceof ProtocolError)) return undefined;
  const { code, message, data } = error;
  return { error: { code, message, data }, account };
}

export function errorOf({ code, message, data }: WireError): ProtocolError {
  return new ProtocolError(code, message, { data });
}

/** A kind that a later version has added is an internal failure here. */
export function failureOf({ kind, what, context, advice }: WireFailure): Failure {
  return new Failure(isKind(kind) ? kind : "internal", what, { context, advice });
}

function isKind(kind: string): kind is FailureKind {
  return Object.hasOwn(failureTable, kind);
}
