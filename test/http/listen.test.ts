import { expect, test } from "bun:test";
import { connect } from "node:net";
import { systemClock } from "../../src/clock.ts";
import type { Awaited } from "../../src/http/app.ts";
import { listen } from "../../src/http/listen.ts";

/** Bun counts idle connections in steps of four seconds. */
const idleTimeoutS = 4;

test("an answer that takes longer than a connection may be idle still arrives, half-sent headers do not wait so long", async () => {
  const app = {
    fetch(request: Request, awaited?: Awaited) {
      const answer = Bun.sleep(12_000).then(() => new Response("late"));
      awaited?.(request, answer);
      return answer;
    },
  };
  const listening = listen(app, { hostname: "127.0.0.1", port: 0, clock: systemClock, idleTimeoutS });
  try {
    const halfHeader = connect(Number(new URL(listening.url).port), "127.0.0.1");
    halfHeader.write("POST /mcp HTTP/1.1\r\nHost: local");
    const cut = new Promise<string>((resolve) => halfHeader.on("close", () => resolve("cut")));
    const late = fetch(listening.url).then((response) => response.text());
    expect(await late).toBe("late");
    expect(await Promise.race([cut, Bun.sleep(10_000).then(() => "still open")])).toBe("cut");
  } finally {
    await listening.close();
  }
}, 40_000);

test("a second server on the same port is an error", async () => {
  const app = { fetch: () => new Response() };
  const first = listen(app, { hostname: "127.0.0.1", port: 0, clock: systemClock });
  try {
    const port = Number(new URL(first.url).port);
    expect(() => listen(app, { hostname: "127.0.0.1", port, clock: systemClock })).toThrow();
  } finally {
    await first.close();
  }
});

test("localhost is both loopback addresses, on one port, and one of them that is taken is an error", async () => {
  const app = { fetch: () => new Response("here") };
  const listening = listen(app, { hostname: "localhost", port: 0, clock: systemClock });
  const port = Number(new URL(listening.url).port);
  try {
    for (const host of ["127.0.0.1", "[::1]"]) {
      expect(await (await fetch(`http://${host}:${port}/`)).text()).toBe("here");
    }
    for (const hostname of ["127.0.0.1", "::1"]) {
      expect(() => listen(app, { hostname, port, clock: systemClock })).toThrow();
    }
  } finally {
    await listening.close();
  }
  const other = Bun.serve({ hostname: "::1", port, fetch: () => new Response("other") });
  try {
    expect(() => listen(app, { hostname: "localhost", port, clock: systemClock })).toThrow();
    const again = Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response("free") });
    await again.stop(true);
  } finally {
    await other.stop(true);
  }
});
