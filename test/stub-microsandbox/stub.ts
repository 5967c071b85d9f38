// A microsandbox server to try and test against: the HTTP API of 0.2.6 with its statuses, bodies and hazards
// (shared/reference/microsandbox-server-api.md), real interpreters behind it, and faults that can be switched on.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authenticate, authorize, type KeyRequest, makeKey } from "./auth.ts";
import { plainResponse, rpcErrorResponse, ServerError, serverErrorResponse } from "./errors.ts";
import { type Fault, Faults, faultKinds } from "./faults.ts";
import { methods } from "./methods.ts";
import { Processor } from "./processor.ts";
import { Supervisor } from "./supervisor.ts";

export type StubOptions = {
  readonly host?: string;
  readonly port?: number;
  /** Without it every request needs a key. */
  readonly dev?: boolean;
  /** The key that API keys are signed with. */
  readonly key?: string;
  /** The folder of namespaces; a temporary one, removed in the end, without it. */
  readonly path?: string;
  /** Serve `POST /_stub/faults` and `POST /_stub/refuse`. */
  readonly control?: boolean;
  /** How long an image is pulled that was not pulled before. */
  readonly pullMs?: number;
  readonly bootMs?: number;
  readonly portalDelayMs?: number;
  readonly stopLagMs?: number;
  readonly sandboxfileGapMs?: number;
  /** False for a server whose guests do not mount their volumes. */
  readonly mountsVolumes?: boolean;
  readonly loseStderr?: boolean;
  /** Lines that are lost at the end of one in `loseEvery` commands; 1 in 3 by default. */
  readonly loseCommandLines?: number;
  readonly loseEvery?: number;
  /** What each name in a namespace costs each call. The real server's 60 to 80 ms are too much for most tests; 1 by default. */
  readonly costMs?: number;
  /** How often the portal looks whether an evaluation is over; the real one's 50 by default. */
  readonly pollMs?: number;
};

/** One request as the server saw it. */
export type Seen = { readonly method: string; readonly params: Readonly<Record<string, unknown>> };

/** axum's limit of a request's body. */
const bodyLimitBytes = 2 * 1024 * 1024;
/** Bounds what `requests` remembers, in requests. */
const seenLimit = 10_000;

export class Stub implements AsyncDisposable {
  readonly faults = new Faults();
  readonly requests: Seen[] = [];
  readonly key: string;
  readonly #options: StubOptions;
  readonly #root: string;
  readonly #supervisor: Supervisor;
  readonly #processor = new Processor();
  #server: Bun.Server<undefined> | null = null;
  #port: number;

  private constructor(options: StubOptions, root: string) {
    this.#options = options;
    this.#root = root;
    this.#port = options.port ?? 0;
    this.key = options.key ?? crypto.randomUUID().replaceAll("-", "");
    this.#supervisor = new Supervisor({
      root,
      hazards: {
        loseStderr: options.loseStderr ?? false,
        loseCommandLines: options.loseCommandLines ?? 1,
        loseEvery: options.loseEvery ?? 3,
        pollMs: options.pollMs ?? 50,
      },
      pullMs: options.pullMs ?? 0,
      bootMs: options.bootMs ?? 0,
      portalDelayMs: options.portalDelayMs ?? 0,
      mountsVolumes: options.mountsVolumes ?? true,
      stopLagMs: options.stopLagMs ?? 50,
    });
  }

  static async start(options: StubOptions = {}): Promise<Stub> {
    const root = options.path ?? (await mkdtemp(join(tmpdir(), "stub-microsandbox-")));
    await mkdir(root, { recursive: true });
    const stub = new Stub(options, root);
    stub.accept();
    return stub;
  }

  get url(): string {
    return `http://${this.#options.host ?? "127.0.0.1"}:${this.#port}`;
  }

  apiKey(request: KeyRequest = {}): Promise<string> {
    return makeKey(this.key, request);
  }

  /** The sandboxes that exist, as "namespace/name". */
  get machines(): readonly string[] {
    return this.#supervisor.machines;
  }

  /** Those of them that nobody has asked to stop. */
  get unstopped(): readonly string[] {
    return this.#supervisor.unstopped;
  }

  /** Ends a sandbox underneath everybody. `stale`: the database goes on saying that it runs. */
  kill(key: string, stale = false): Promise<void> {
    return this.#supervisor.kill(key, stale);
  }

  /** The portal of a sandbox is killed in it, and the sandbox runs on. */
  killPortal(key: string): void {
    this.#supervisor.killPortal(key);
  }

  /** The server process goes away, its connections with it; its sandboxes stay. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await server?.stop(true);
  }

  /** The server process is back, on the same port. */
  accept(): void {
    this.#server ??= Bun.serve({
      hostname: this.#options.host ?? "127.0.0.1",
      port: this.#port,
      // A start or a command may take minutes.
      idleTimeout: 0,
      // No page with the source of a fault that was asked for.
      development: false,
      maxRequestBodySize: 64 * 1024 * 1024,
      fetch: (request) => this.#answer(request),
    });
    this.#port = this.#server.port ?? this.#port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse();
    await this.#supervisor[Symbol.asyncDispose]();
    if (this.#options.path === undefined) {
      await rm(this.#root, { recursive: true, force: true });
    }
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/v1/health") {
      return request.method === "GET" ? this.#healthy() : plainResponse(405, "");
    }
    if (pathname === "/api/v1/rpc") {
      return request.method === "POST" ? await this.#rpc(request) : plainResponse(405, "");
    }
    if (this.#options.control && request.method === "POST" && pathname.startsWith("/_stub/")) {
      return await this.#control(pathname, request);
    }
    return plainResponse(404, "");
  }

  #healthy(): Response | Promise<Response> {
    const answer = Response.json({ message: "Service is healthy" });
    const fault = this.faults.strike("health");
    return fault === null ? answer : strike(fault, async () => answer);
  }

  async #rpc(request: Request): Promise<Response> {
    const text = await request.text();
    let id: unknown;
    try {
      const claim = this.#options.dev ? "*" : await authenticate(request.headers, this.key);
      if (Buffer.byteLength(text) > bodyLimitBytes) {
        return plainResponse(413, "Failed to buffer the request body: length limit exceeded");
      }
      if (!/^application\/(?:[\w.+-]+\+)?json\b/.test(request.headers.get("content-type") ?? "")) {
        return plainResponse(415, "Expected request with `Content-Type: application/json`");
      }
      const body = parseJson(text);
      if (body === undefined) {
        return plainResponse(400, "Failed to parse the request body as JSON");
      }
      const call = asCall(body);
      if (call === null) {
        return plainResponse(422, "Failed to deserialize the JSON body into the target type");
      }
      id = call.id;
      if (!this.#options.dev) {
        authorize(claim, call.method, call.params);
      }
      if (call.jsonrpc !== "2.0") {
        return rpcErrorResponse(400, -32600, "Invalid or missing jsonrpc version field", id);
      }
      const params = isRecord(call.params) ? call.params : {};
      const method = methods[call.method];
      if (method === undefined) {
        return rpcErrorResponse(404, -32601, `Method not found: ${call.method}`, id);
      }
      if (this.requests.length < seenLimit) {
        this.requests.push({ method: call.method, params });
      }
      const context = {
        root: this.#root,
        sandboxfileGapMs: this.#options.sandboxfileGapMs ?? 5,
        supervisor: this.#supervisor,
        processor: this.#processor,
        costMs: this.#options.costMs ?? 1,
        signal: request.signal,
      };
      const carryOut = async () =>
        Response.json({
          jsonrpc: "2.0",
          result: await method(context, call.params),
          ...(id === undefined ? {} : { id }),
        });
      const fault = this.faults.strike(call.method);
      if (fault?.kind === "die") {
        setTimeout(() => void this.#killOnceThere(`${params.namespace}/${params.sandbox}`), fault.afterMs ?? 0);
      }
      return fault === null || fault.kind === "die" ? await carryOut() : await strike(fault, carryOut);
    } catch (error) {
      if (error instanceof ServerError) {
        return serverErrorResponse(error);
      }
      // The client has hung up, and the server has dropped what it was at.
      if (request.signal.aborted) return new Response(null, { status: 499 });
      throw error;
    }
  }

  /** On a busy machine it may still be on its way. */
  async #killOnceThere(key: string): Promise<void> {
    for (let look = 0; look < 1000 && !this.machines.includes(key); look += 1) await Bun.sleep(10);
    await this.kill(key);
  }

  async #control(pathname: string, request: Request): Promise<Response> {
    const body = parseJson(await request.text());
    if (pathname === "/_stub/faults" && Array.isArray(body) && body.every(isFault)) {
      this.faults.set(body);
      return Response.json({ faults: body });
    }
    if (pathname === "/_stub/refuse" && isRecord(body) && typeof body.forMs === "number") {
      const forMs = body.forMs;
      setTimeout(() => void this.refuse(), 10);
      setTimeout(() => this.accept(), 10 + forMs);
      return Response.json({ refusingForMs: forMs });
    }
    return plainResponse(400, 'POST a list of faults to /_stub/faults, or {"forMs": …} to /_stub/refuse');
  }
}

async function strike(fault: Fault, carryOut: () => Promise<Response>): Promise<Response> {
  switch (fault.kind) {
    case "hang":
      return await new Promise<Response>(() => {});
    case "error":
      throw new ServerError(500, 5002, "Internal server error");
    case "wrong_json":
      return new Response('{"jsonrpc":"2.0","result":', { headers: { "content-type": "application/json" } });
    case "wrong_shape":
      return Response.json({ jsonrpc: "2.0", result: { sandboxes: 7, output: "no", message: 1 } });
    case "drop":
      return broken((await carryOut()).body, 0);
    case "half":
      return broken((await carryOut()).body, 20);
    case "die":
      return await carryOut();
  }
}

/** An answer whose connection breaks after `bytes` bytes. */
function broken(body: ReadableStream<Uint8Array> | null, bytes: number): Response {
  const cut = new ReadableStream<Uint8Array>({
    async start(controller) {
      const whole = new Uint8Array(await new Response(body).arrayBuffer());
      if (bytes > 0) {
        controller.enqueue(whole.subarray(0, bytes));
        await Bun.sleep(5);
      }
      controller.error(new Error("the connection breaks"));
    },
  });
  return new Response(cut, { headers: { "content-type": "application/json" } });
}

type Call = {
  readonly jsonrpc: string;
  readonly method: string;
  readonly params: unknown;
  readonly id: unknown;
};

function asCall(body: unknown): Call | null {
  if (!isRecord(body) || typeof body.method !== "string" || typeof body.jsonrpc !== "string") {
    return null;
  }
  return { jsonrpc: body.jsonrpc, method: body.method, params: body.params, id: body.id };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFault(value: unknown): value is Fault {
  return isRecord(value) && faultKinds.some((kind) => kind === value.kind);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
