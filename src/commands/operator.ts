// The operator's routes of a running server (http/operator.ts), as commands ask them.

import type { Clock } from "../clock.ts";
import { reachable } from "./health.ts";

export type OperatorClient = {
  /** MCP_OPERATOR_TOKEN. */
  readonly token: string;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

export type Told = { readonly ok: true; readonly body: unknown } | { readonly ok: false; readonly problem: string };

/** How long a server has to answer. Milliseconds. */
const patienceMs = 5_000;
/** Bytes of an answer: some 100,000 sessions. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** `base` is without a path. Rejects with the signal's reason only. */
export async function askOperator(
  { token, fetch, clock, signal }: OperatorClient,
  base: string,
  path: "/drain" | "/operator/sessions",
  init: { readonly method: "GET" | "POST"; readonly body?: string } = { method: "GET" },
): Promise<Told> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  const late = clock.sleep(patienceMs, either).then(
    (): Told => ({ ok: false, problem: `did not answer within ${patienceMs / 1000} s` }),
    () => new Promise<never>(() => undefined),
  );
  const asking = async (): Promise<Told> => {
    try {
      const headers = { Authorization: `Bearer ${token}` };
      const response = await fetch(new URL(path, base).href, { ...init, headers, signal: either, redirect: "manual" });
      if (response.status === 401) return { ok: false, problem: "has another operator's token (MCP_OPERATOR_TOKEN)" };
      if (response.status === 404) return { ok: false, problem: "has no operator's token (MCP_OPERATOR_TOKEN)" };
      if (response.status !== 200) return { ok: false, problem: `answers ${response.status}` };
      const text = await response.text();
      if (text.length > maxAnswerBytes) return { ok: false, problem: "answers more than is read" };
      return { ok: true, body: JSON.parse(text) as unknown };
    } catch (error) {
      signal.throwIfAborted();
      const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
      return { ok: false, problem: `cannot be reached${code}` };
    }
  };
  try {
    return await Promise.race([asking(), late]);
  } finally {
    done.abort();
  }
}

/** Of the server that the same options start on this machine. */
export function ownBase(host: string, port: number): string {
  return `http://${reachable(host)}:${port}`;
}
