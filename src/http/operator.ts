// The routes of whoever runs the server: to take it out of service, and to see whose sessions it has. They ask for a token of their own, which is no
// caller's.

import type { Emit } from "../events.ts";
import type { Draining } from "../sessions/draining.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { bearerOf, tokenInvalid, tokenMissing } from "./auth/bearer.ts";
import { principalOf, sha256 } from "./auth/tokens.ts";
import type { ReadBody } from "./body.ts";
import { type Refusal, refuse } from "./refusal.ts";

export type OperatorOptions = {
  readonly token: string;
  readonly sessions: Operated;
};

export type Operated = Pick<Sessions, "census"> & {
  readonly draining: Pick<Draining, "isOn" | "by" | "deadlineAt" | "set">;
};

export type OperatorRoutes = {
  /** POST /drain: `{"drain": true}`, which an empty body means too, or `{"drain": false}`. GET tells how it stands. */
  readonly drain: (request: Request) => Response | Promise<Response>;
  /** GET /operator/sessions. */
  readonly sessions: (request: Request) => Response;
};

const challenge = { scopes: [] };

export function createOperatorRoutes(options: OperatorOptions, readBody: ReadBody, emit: Emit): OperatorRoutes {
  const { token, sessions } = options;
  const { draining } = sessions;
  const known = [{ principal: "operator", sha256: sha256(token) }];

  /** Null when the request may go on. */
  function refusalOf(request: Request, methods: readonly string[]): Response | null {
    const bearer = bearerOf(request);
    if (bearer.kind !== "token") return refuse(tokenMissing(challenge), emit);
    if (principalOf(bearer.token, known) === undefined) return refuse(tokenInvalid(challenge, notTheOperators), emit);
    return methods.includes(request.method) ? null : notAllowed(request, methods);
  }

  const standing = () =>
    Response.json({
      draining: draining.isOn,
      wanted_by: draining.by,
      ends_at: draining.deadlineAt === undefined ? null : new Date(draining.deadlineAt).toISOString(),
      sessions: sessions.census.length,
    });

  return {
    drain(request) {
      const refusal = refusalOf(request, ["GET", "POST"]);
      if (refusal !== null) return refusal;
      if (request.method === "GET") return standing();
      return readBody(request).then((body) => {
        if (!body.ok) return refuse(body.refusal, emit);
        const wanted = body.text.trim() === "" ? true : drainIn(body.text);
        if (wanted === undefined) return refuse(malformed, emit);
        draining.set("operator", wanted);
        return standing();
      });
    },
    sessions: (request) =>
      refusalOf(request, ["GET"]) ?? Response.json({ sessions: sessions.census.map((session) => shown(session)) }),
  };
}

const notTheOperators = "is not the operator's (MCP_OPERATOR_TOKEN)";

const malformed: Refusal = {
  status: 400,
  reason: "invalid body",
  message: 'The body must be {"drain": true}, {"drain": false}, or empty, which means true.',
};

function drainIn(text: string): boolean | undefined {
  try {
    const body: unknown = JSON.parse(text);
    const drain = typeof body === "object" && body !== null && "drain" in body ? body.drain : undefined;
    return typeof drain === "boolean" ? drain : undefined;
  } catch {
    return undefined;
  }
}

function shown(session: Operated["census"][number]) {
  const { sessionId, principal, template, flavor, status, createdAt, lastAccessed, expiresAt, executions } = session;
  return {
    ...{ session_id: sessionId, principal, template, flavor, status, executions },
    created_at: new Date(createdAt).toISOString(),
    last_accessed: new Date(lastAccessed).toISOString(),
    expires_at: new Date(expiresAt).toISOString(),
  };
}

function notAllowed({ method }: Request, methods: readonly string[]): Response {
  const message = `Method not allowed: ${method}. Allowed: ${methods.join(", ")}.`;
  return Response.json(
    { error: "method_not_allowed", error_description: message },
    {
      status: 405,
      headers: { allow: methods.join(", ") },
    },
  );
}
