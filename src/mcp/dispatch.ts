// From checked messages to an answer that will come: a place at the gate for each, and an Answer that asks the Server. The same
// for all revisions.

import type { JSONRPCResponse } from "@modelcontextprotocol/sdk/types.js";
import { Answer, type AnswerOptions } from "./answer.ts";
import type { Edge } from "./edge.ts";
import type { IncomingRequest } from "./messages.ts";
import { refuseBusy } from "./refusal.ts";

export type DispatchOptions = AnswerOptions & {
  /** The HTTP request whose client cancels by closing its connection. Not given where closing means nothing. */
  readonly cancelledByLeaving?: Request | undefined;
};

/** Asks the Server all of `requests`, one at least. `faults` are answers to what was wrong in their batch. */
export function dispatch(
  edge: Edge,
  requests: readonly IncomingRequest[],
  options: DispatchOptions,
  faults: readonly JSONRPCResponse[] = [],
): Response | Promise<Response> {
  const refused = edge.gate.enter(options.caller.principal, requests.length);
  if (refused !== undefined) return refuseBusy(refused, requests[0]?.id ?? null);
  const answer = new Answer(edge, options, requests, faults);
  if (options.cancelledByLeaving !== undefined && !answer.settled) {
    edge.departures.watch(options.cancelledByLeaving, answer);
  }
  return answer.response;
}
