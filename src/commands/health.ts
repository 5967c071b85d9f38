// `msb-mcp health [URL]`: asks a running server whether it serves, for container engines and scripts that have no curl.

import type { Clock } from "../clock.ts";

export type HealthOptions = {
  /** The server, with or without `/mcp` at its end; undefined for the one that the same options start on this machine. */
  readonly url: string | undefined;
  readonly host: string;
  readonly port: number;
  /** Ask for /readyz (a sandbox can be had) rather than /healthz (the process serves). */
  readonly isReadyAsked: boolean;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  /** Gets whole lines, for people. */
  readonly write: (line: string) => void;
};

/** How long the server has to answer. Docker's own limit for such a check is 30 s by default. Milliseconds. */
const patienceMs = 10_000;

/** Of an answer's body, what is shown. Characters. */
const shownLimit = 500;

/** The exit status: 0 if it answers well, 1 if not, 2 if it cannot be asked. Rejects with the signal's reason only. */
export async function health(options: HealthOptions, signal: AbortSignal): Promise<0 | 1 | 2> {
  const { clock, write } = options;
  const base = baseUrl(options);
  if (typeof base === "string") {
    write(base);
    return 2;
  }
  const url = new URL(options.isReadyAsked ? "readyz" : "healthz", base).href;
  const shown = withoutPassword(url);
  const done = new AbortController();
  const late = clock.sleep(patienceMs, AbortSignal.any([signal, done.signal])).then(() => undefined);
  late.catch(() => undefined);
  try {
    const asking = ask(options, url, AbortSignal.any([signal, done.signal]));
    const answer = await Promise.race([asking, late]);
    if (answer === undefined) {
      write(`unhealthy: ${shown} did not answer within ${patienceMs / 1000} s`);
      return 1;
    }
    write(answer.isWell ? `healthy: ${shown} answers` : `unhealthy: ${shown} ${answer.problem}`);
    return answer.isWell ? 0 : 1;
  } finally {
    done.abort();
  }
}

type Answer = { readonly isWell: true } | { readonly isWell: false; readonly problem: string };

async function ask({ fetch, isReadyAsked }: HealthOptions, url: string, signal: AbortSignal): Promise<Answer> {
  try {
    const response = await fetch(url, { signal, redirect: "manual" });
    const text = (await response.text()).slice(0, shownLimit).trim();
    // Other servers answer 200 to any path.
    if (response.status === 200 && text === (isReadyAsked ? "ready" : "ok")) return { isWell: true };
    const shown = text === "" ? "" : `: ${JSON.stringify(text)}`;
    return { isWell: false, problem: `answers ${response.status}${shown}` };
  } catch (error) {
    signal.throwIfAborted();
    const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    return { isWell: false, problem: `cannot be reached${code}. Is the server started, and is this its URL?` };
  }
}

/** Ends with "/"; a text is what is wrong. */
function baseUrl({ url, host, port }: HealthOptions): URL | string {
  if (url === undefined) {
    if (port === 0)
      return "msb-mcp: health: --port 0 does not tell the server's port; give its URL: msb-mcp health http://localhost:PORT";
    return new URL(`http://${reachable(host)}:${port}/`);
  }
  const base = URL.parse(url);
  if (base === null || !["http:", "https:"].includes(base.protocol)) {
    return `msb-mcp: health: ${JSON.stringify(url)} is not allowed; URL must be an http:// or https:// URL, such as http://localhost:8000/mcp`;
  }
  base.search = "";
  base.hash = "";
  base.pathname = base.pathname.replace(/\/(?:(?:mcp|healthz|readyz)\/?)?$/, "/").replace(/(?<!\/)$/, "/");
  return base;
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  return shown.href;
}

/** An address that means "all of them" is asked on this machine. */
export function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::" || host === "[::]") return "[::1]";
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
