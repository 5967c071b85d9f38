// Notices that a proxy stands in front of a server that asks nobody for a token, and so has opened it to everybody whom the proxy lets through.

import type { Emit } from "../events.ts";

const message =
  "A request came through a proxy (it has X-Forwarded-For or Forwarded), and this server needs no token: whoever the proxy lets through can run " +
  "code here. Configure a token with --auth-token, unless the proxy checks who calls.";

/** Tells it once. Undefined where a token is needed, so that those requests cost nothing. */
export function createProxyWatch(isOpen: boolean, emit: Emit): ((request: Request) => void) | undefined {
  if (!isOpen) return undefined;
  let isTold = false;
  return ({ headers }) => {
    if (isTold || !(headers.has("x-forwarded-for") || headers.has("forwarded"))) return;
    isTold = true;
    emit({ type: "server.warning", message });
  };
}
