// Headless Chromium with a profile of its own, spoken to over the DevTools protocol: opens pages and evaluates in them.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const chromiumPath = Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome");

export type Page = {
  /** The value of an expression, awaited, as text. Rejects with what it threw. */
  evaluate(expression: string): Promise<string>;
};

export type Browser = { open(url: string): Promise<Page> } & AsyncDisposable;

/** `hostRules` as in --host-resolver-rules: names that lead to this machine without any DNS. */
export async function startChromium(path: string, hostRules: string): Promise<Browser> {
  await using stack = new AsyncDisposableStack();
  const profile = await mkdtemp(join(tmpdir(), "msb-mcp-chromium-"));
  stack.defer(() => rm(profile, { recursive: true, force: true, maxRetries: 5 }));
  const chromium = Bun.spawn(
    [
      path,
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
      ...["--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"],
      ...[`--user-data-dir=${profile}`, `--host-resolver-rules=${hostRules}`, "about:blank"],
    ],
    { stdout: "ignore", stderr: "pipe" },
  );
  stack.defer(async () => {
    chromium.kill("SIGKILL");
    await chromium.exited;
  });
  const devTools = await connect(await devToolsUrl(chromium.stderr));
  stack.defer(() => devTools.close());
  const owned = stack.move();

  return {
    async open(url) {
      const { targetId } = await devTools.ask("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await devTools.ask("Target.attachToTarget", { targetId, flatten: true });
      const ask = (method: string, params: object) => devTools.ask(method, params, String(sessionId));
      await ask("Page.enable", {});
      const loaded = devTools.heard("Page.loadEventFired", String(sessionId));
      const { errorText } = await ask("Page.navigate", { url });
      if (errorText !== undefined) throw new Error(`${url} cannot be opened: ${errorText}`);
      await loaded;
      return {
        async evaluate(expression) {
          const answer = await ask("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
          if (answer.exceptionDetails !== undefined) throw new Error(JSON.stringify(answer.exceptionDetails));
          return String(fieldsOf(answer.result).value);
        },
      };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type Fields = Readonly<Record<string, unknown>>;

async function devToolsUrl(stderr: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const reader = stderr.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`Chromium did not start: ${text.slice(-2_000)}`);
    text += decoder.decode(value, { stream: true });
    const url = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
    if (url !== undefined) {
      reader.releaseLock();
      void stderr.pipeTo(new WritableStream()).catch(() => undefined); // a full pipe would stop the browser
      return url;
    }
  }
}

async function connect(url: string) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("Chromium's DevTools cannot be reached"));
  });
  const asked = new Map<number, PromiseWithResolvers<Fields>>(); // one for each question under way
  const awaited = new Map<string, () => void>(); // one for each event waited for
  let lastId = 0;
  socket.onmessage = ({ data }) => {
    const message = fieldsOf(JSON.parse(String(data)));
    awaited.get(`${message.sessionId} ${message.method}`)?.();
    const question = asked.get(Number(message.id));
    asked.delete(Number(message.id));
    if (message.error !== undefined) question?.reject(new Error(JSON.stringify(message.error)));
    else question?.resolve(fieldsOf(message.result));
  };
  return {
    ask(method: string, params: object, sessionId?: string): Promise<Fields> {
      lastId += 1;
      const question = Promise.withResolvers<Fields>();
      asked.set(lastId, question);
      socket.send(JSON.stringify({ id: lastId, method, params, ...(sessionId !== undefined && { sessionId }) }));
      return question.promise;
    },
    heard: (method: string, sessionId: string) =>
      new Promise<void>((resolve) => awaited.set(`${sessionId} ${method}`, resolve)),
    close: () => socket.close(),
  };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
