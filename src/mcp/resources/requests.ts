// The requests about resources: resources/list, resources/templates/list and resources/read.

import type { ReadResourceResult, Result } from "@modelcontextprotocol/sdk/types.js";
import { Failure, type FailureKind } from "../../failure.ts";
import type { Caller } from "../caller.ts";
import type { CarryOut } from "../calls.ts";
import type { Exchange } from "../exchange.ts";
import { INVALID_PARAMS } from "../messages.ts";
import { isOf2026 } from "../meta-2026.ts";
import type { Notify } from "../tasks/requests.ts";
import { ProtocolError, wireError } from "../tool.ts";
import type { CallContext, ResourceSet } from "../tool-set.ts";

/** As the revisions before 2026-07-28 have it, which takes INVALID_PARAMS. */
const RESOURCE_NOT_FOUND = -32002;

const absent: readonly FailureKind[] = ["file_not_found", "session_not_found"];

/** Undefined if it is none about resources. Throws, or rejects, as CallTool does. */
export function answerAboutResources(
  resources: ResourceSet,
  exchange: Exchange,
  carryOut: CarryOut,
  caller: Caller,
  notify: Notify,
): Result | Promise<Result> | undefined {
  const { request } = exchange;
  switch (request.method) {
    case "resources/list":
      return { resources: [...resources.resources] };
    case "resources/templates/list":
      return { resourceTemplates: [...resources.templates] };
    case "resources/read": {
      const uri = request.params?.uri;
      if (typeof uri !== "string") throw new ProtocolError(INVALID_PARAMS, 'Invalid params: "uri" must be a string.');
      const notFound = isOf2026(request) ? INVALID_PARAMS : RESOURCE_NOT_FOUND;
      const read = (context: CallContext) => readOne(resources, uri, context, notFound);
      return carryOut("resources/read", exchange, caller, notify, read);
    }
    default:
      return undefined;
  }
}

async function readOne(
  resources: ResourceSet,
  uri: string,
  context: CallContext,
  notFound: number,
): Promise<ReadResourceResult> {
  try {
    const result = resources.read(uri, context);
    if (result !== undefined) return await result;
  } catch (error) {
    throw error instanceof Failure ? told(error, uri, context, notFound) : error;
  }
  throw unknown(resources, uri, notFound);
}

function told(failure: Failure, uri: string, { account }: CallContext, notFound: number): ProtocolError {
  account.failure = failure.kind;
  const { code, message, data } = wireError(failure);
  const isAbsent = absent.includes(failure.kind);
  return new ProtocolError(isAbsent ? notFound : code, message, {
    data: { uri, ...(data as object) },
    cause: failure,
  });
}

function unknown({ templates }: ResourceSet, uri: string, notFound: number): ProtocolError {
  const shown = uri.length <= 200 ? uri : `${uri.slice(0, 200)}…`;
  const known = templates.map(({ uriTemplate }) => uriTemplate).join(", ");
  return new ProtocolError(notFound, `Resource not found: ${shown} names none. There are: ${known}.`, {
    data: { uri },
  });
}
