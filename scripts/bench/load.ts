// Load on one URL over keep-alive connections, each with one request in flight: raw sockets, because fetch() would be the
// slowest part of the measurement. Runs as its own process; its argument is a JSON Load, its output a JSON LoadResult.

export type Load = {
  /** Loopback only. */
  readonly url: string;
  /** A JSON-RPC request with the id 1. Each connection has an id of its own, as requests of one client must that are in flight together. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  /** It ends with whichever comes first. */
  readonly seconds: number;
  readonly calls: number;
  /** Part of every right answer. */
  readonly expect: string;
};

export type LoadResult = {
  readonly requests: number;
  readonly seconds: number;
  readonly wrong: number;
  /** One of them. */
  readonly wrongAnswer: string;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Of the last answer, its head included. */
  readonly answerBytes: number;
};

/** Latencies kept for the percentiles; later ones replace random earlier ones. */
const maxSamples = 200_000;

if (import.meta.main) {
  const result = await run(JSON.parse(Bun.argv[2] ?? "{}") as Load);
  console.log(JSON.stringify(result));
}

async function run(load: Load): Promise<LoadResult> {
  const { hostname, port, pathname, host } = new URL(load.url);
  if (hostname !== "127.0.0.1" && hostname !== "localhost") throw new Error(`not a loopback address: ${hostname}`);
  const head = Object.entries({ "Content-Type": "application/json", ...load.headers }).map(
    ([k, v]) => `${k}: ${v}\r\n`,
  );
  const requestOf = (id: number) => {
    const body = load.body.replace('"id":1', `"id":${id}`);
    const length = Buffer.byteLength(body);
    return Buffer.from(
      `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${head.join("")}Content-Length: ${length}\r\n\r\n${body}`,
    );
  };
  const samples: number[] = [];
  let requests = 0;
  let wrong = 0;
  let wrongAnswer = "";
  let answerBytes = 0;
  const startedMs = performance.now();
  const endMs = startedMs + load.seconds * 1000;

  const connection = async (_: unknown, place: number) => {
    const request = requestOf(place + 1);
    const itsId = `"id":${place + 1}`;
    const closed = Promise.withResolvers<void>();
    let sentMs = 0;
    let received = "";
    await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open(socket) {
          sentMs = performance.now();
          socket.write(request);
        },
        data(socket, bytes) {
          received += bytes.toString("latin1");
          if (!isWhole(received)) return;
          const nowMs = performance.now();
          requests++;
          answerBytes = received.length;
          if (!received.includes(load.expect) || !received.includes(itsId)) {
            wrong++;
            wrongAnswer = received;
          }
          if (samples.length < maxSamples) samples.push(nowMs - sentMs);
          else samples[Math.floor(Math.random() * maxSamples)] = nowMs - sentMs;
          received = "";
          sentMs = nowMs;
          if (nowMs < endMs && requests + load.connections <= load.calls) socket.write(request);
          else socket.end();
        },
        close: () => closed.resolve(),
        error: (_socket, error) => closed.reject(error),
      },
    });
    await closed.promise;
  };
  await Promise.all(Array.from({ length: load.connections }, connection));
  samples.sort((a, b) => a - b);
  const at = (part: number) => samples[Math.floor((samples.length - 1) * part)] ?? Number.NaN;
  const seconds = (performance.now() - startedMs) / 1000;
  return { requests, seconds, wrong, wrongAnswer, medianMs: at(0.5), p99Ms: at(0.99), answerBytes };
}

/** Has a whole HTTP/1.1 answer come: by Content-Length, or the last chunk of a chunked one? */
function isWhole(text: string): boolean {
  const bodyAt = text.indexOf("\r\n\r\n") + 4;
  if (bodyAt < 4) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, bodyAt))?.[1];
  return length === undefined ? text.endsWith("\r\n0\r\n\r\n") : text.length >= bodyAt + Number(length);
}
