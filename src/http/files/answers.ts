// Refusals of the file routes: one shape on the wire, a status for each cause, and nothing told that the caller could not know.

import type { Emit } from "../../events.ts";
import { Failure } from "../../failure.ts";
import type { FileRefusal } from "../../sandbox/files.ts";
import { guardedHeaders } from "./headers.ts";

type RefusedAs = {
  readonly status: number;
  /** One word for programs. */
  readonly error: string;
  /** One or two sentences: what happened, and the next step. */
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Thrown where a request is turned away, with what it is answered. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly as: RefusedAs;

  constructor(as: RefusedAs, options: { readonly cause?: unknown } = {}) {
    super(as.message, options);
    this.as = as;
  }
}

const refusalStatuses: Readonly<Record<FileRefusal, number>> = {
  exists: 409,
  is_folder: 409,
  not_folder: 409,
  not_empty: 409,
  special: 409,
  not_permitted: 403,
  read_only: 403,
  no_space: 507,
  name_too_long: 400,
  too_many_links: 400,
  invalid_path: 400,
  part_mismatch: 409,
  changed: 412,
  other: 409,
};

/** Tells the log, and answers. What is neither a Refused nor a Failure is an internal error. */
export function refusalOf(error: unknown, emit: Emit): Response {
  const as = asRefused(error, emit);
  emit({ type: "request.refused", reason: `file: ${as.error}`, status: as.status });
  return answer(as);
}

function answer({ status, error, message, headers = {} }: RefusedAs): Response {
  const body = { error, error_description: message };
  return Response.json(body, { status, headers: { ...guardedHeaders, ...headers } });
}

function asRefused(error: unknown, emit: Emit): RefusedAs {
  if (error instanceof Refused) return error.as;
  if (error instanceof Failure) return asStatus(error);
  const requestId = crypto.randomUUID();
  emit({ type: "request.failed", requestId, error });
  return { status: 500, error: "internal", message: `Internal error (request id ${requestId}).` };
}

function asStatus({ kind, message, context }: Failure): RefusedAs {
  switch (kind) {
    case "session_not_found":
      // It was there, or never.
      return { status: "at" in context ? 410 : 404, error: kind, message };
    case "file_not_found":
      return { status: 404, error: kind, message };
    case "file_refused": {
      const { reason } = context;
      const status = isRefusal(reason) ? refusalStatuses[reason] : 409;
      return { status, error: isRefusal(reason) ? reason : kind, message };
    }
    case "invalid_arguments":
      return { status: 400, error: kind, message };
    case "code_execution":
      return { status: 410, error: "session_lost", message };
    case "connection":
      return { status: 502, error: kind, message };
    case "limit_reached":
      return { status: 503, error: kind, message, headers: { "Retry-After": "5" } };
    default:
      return { status: 500, error: kind, message };
  }
}

function isRefusal(reason: unknown): reason is FileRefusal {
  return typeof reason === "string" && Object.hasOwn(refusalStatuses, reason);
}
