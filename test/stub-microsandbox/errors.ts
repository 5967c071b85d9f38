// The three shapes in which the microsandbox server says no (reference section 5).

/** Shape 1: the server's own errors, which are not JSON-RPC. */
export class ServerError extends Error {
  readonly status: number;
  readonly code: number | null;

  constructor(status: number, code: number | null, text: string) {
    super(text);
    this.status = status;
    this.code = code;
  }
}

export const badRequest = (text: string) => new ServerError(400, 2001, text);
/** Whatever went wrong inside: the details are only in the real server's log. */
export const internal = () => new ServerError(500, 5002, "Internal server error");

export function serverErrorResponse(error: ServerError): Response {
  return Response.json({ error: error.message, code: error.code }, { status: error.status });
}

/** Shape 2: JSON-RPC; absent fields are left out. */
export function rpcErrorResponse(status: number, code: number, message: string, id: unknown): Response {
  return Response.json(
    { jsonrpc: "2.0", error: { code, message }, ...(id === undefined || id === null ? {} : { id }) },
    { status },
  );
}

/** Shape 3: what the HTTP framework refuses before any handler sees it. */
export function plainResponse(status: number, text: string): Response {
  return new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
