// A proxy in front of a server that holds requests back for a while, as a slow network or a busy machine does. A client that hangs up in
// the meantime has asked for nothing.

export type SlowProxyOptions = {
  /** Where it passes requests on to. */
  readonly url: string;
  /** How long a request of each JSON-RPC method is held back, in milliseconds; those of others are not. */
  readonly delaysMs: Readonly<Record<string, number>>;
};

export class SlowProxy implements AsyncDisposable {
  /** How many requests of each method were hung up on while they were held back. */
  readonly hungUp = new Map<string, number>();
  /** The most requests of each method that were out at once. */
  readonly most = new Map<string, number>();
  readonly #url: string;
  #delaysMs: SlowProxyOptions["delaysMs"];
  readonly #out = new Map<string, number>();
  readonly #server: Bun.Server<undefined>;

  constructor({ url, delaysMs }: SlowProxyOptions) {
    this.#url = url;
    this.#delaysMs = delaysMs;
    this.#server = Bun.serve({ port: 0, idleTimeout: 0, fetch: (request) => this.#pass(request) });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** From now on nothing is held back. */
  release(): void {
    this.#delaysMs = {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #pass(request: Request): Promise<Response> {
    const body = request.method === "POST" ? await request.text() : "";
    const method = /"method":"([^"]+)"/.exec(body)?.[1] ?? "";
    const out = (this.#out.get(method) ?? 0) + 1;
    this.#out.set(method, out);
    this.most.set(method, Math.max(out, this.most.get(method) ?? 0));
    try {
      await heldBack(this.#delaysMs[method] ?? 0, request.signal);
      const { pathname } = new URL(request.url);
      const { headers } = request;
      const passed = { method: request.method, headers, signal: request.signal, ...(body !== "" && { body }) };
      return await fetch(`${this.#url}${pathname}`, passed);
    } catch (error) {
      if (!request.signal.aborted) throw error;
      this.hungUp.set(method, (this.hungUp.get(method) ?? 0) + 1);
      return new Response(null, { status: 499 });
    } finally {
      this.#out.set(method, (this.#out.get(method) ?? 1) - 1);
    }
  }
}

/** Rejects when the client hangs up. */
async function heldBack(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener(
    "abort",
    () => {
      clearTimeout(timer);
      reject(signal.reason);
    },
    { once: true },
  );
  await promise;
}
