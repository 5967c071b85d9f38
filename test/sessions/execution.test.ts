import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/failure.ts";
import { OutputCapture } from "../../src/sessions/executions/capture.ts";
import { settle } from "../fakes/fake-clock.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";

describe("an execution", () => {
  test("that takes too long is told as timed out, with its output so far, and the state stays", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("set x 7");
    const running = s.run("print before\nforever", { sessionId: session.sessionId, timeoutMs: 2000 });
    await s.clock.advance(2000);
    const { outcome } = await running;
    expect(outcome).toMatchObject({
      ended: "timed_out",
      success: false,
      stdout: "before\n",
      interpreterRestarted: false,
    });
    expect((await s.run("get x", { sessionId: session.sessionId })).outcome.stdout).toBe("7\n");
  });

  test("that does not obey says that the interpreter was restarted", async () => {
    await using s = sessionsOverFake();
    const running = s.run("stubborn", { timeoutMs: 2000 });
    await s.clock.advance(2000);
    expect((await running).outcome).toMatchObject({ ended: "timed_out", interpreterRestarted: true });
  });

  test("that its caller cancels is told as canceled, and the queue moves on", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("set x 7");
    const cancel = new AbortController();
    const running = s.run("forever", { sessionId: session.sessionId, signal: cancel.signal });
    const next = s.run("get x", { sessionId: session.sessionId });
    await settle();
    cancel.abort();
    expect((await running).outcome.ended).toBe("canceled");
    expect((await next).outcome.stdout).toBe("7\n");
  });

  test("keeps its first cause when a second one comes while it ends", async () => {
    await using s = sessionsOverFake();
    const cancel = new AbortController();
    s.host.script = async (request, _sandbox, toy) => {
      request.signal.addEventListener("abort", () => cancel.abort());
      return await toy();
    };
    const running = s.run("forever", { signal: cancel.signal, timeoutMs: 1000 });
    await s.clock.advance(1000);
    expect((await running).outcome.ended).toBe("timed_out");
  });

  test("that floods is stopped at its output limit, with the head and the tail kept", async () => {
    await using s = sessionsOverFake({ maxOutputBytes: 1000 });
    const { outcome } = await s.run("print first\nflood 10000000\nprint end");
    expect(outcome.ended).toBe("output_limit");
    expect(outcome.stdout).toStartWith("first\n");
    expect(outcome.stdoutTruncatedBytes).toBeGreaterThan(60_000);
    expect(outcome.stdout.length).toBeLessThan(1200);
  });

  test("whose sandbox does not end it when asked to costs the session, not the caller's patience", async () => {
    await using s = sessionsOverFake();
    s.host.script = () => new Promise(() => undefined);
    const running = s.run("print", { timeoutMs: 1000 }).catch((error: unknown) => error);
    await s.clock.advance(1000);
    await s.clock.advance(10_000);
    const failure = await running;
    expect(failure).toBeInstanceOf(Failure);
    expect((failure as Failure).kind).toBe("code_execution");
    await settle();
    expect(s.sessions.counts.active).toBe(0);
    expect(s.host.live.size).toBe(0);
  });

  test("leaves no timer and no listener behind", async () => {
    await using s = sessionsOverFake();
    await s.run("print");
    const idle = s.clock.sleeping;
    for (let i = 0; i < 20; i++) await s.run("print", { sessionId: s.sessions.list("alice")[0]?.sessionId });
    expect(s.clock.sleeping).toBe(idle);
  });
});

describe("captured output", () => {
  const tellGap = (leftOutBytes: number, offset: number) => `[… ${leftOutBytes} bytes left out at ${offset} …]`;
  const bytes = (text: string) => new TextEncoder().encode(text);
  const captured = (capBytes: number, ...chunks: Uint8Array[]) => {
    const capture = new OutputCapture(capBytes);
    for (const chunk of chunks) capture.push(chunk);
    return capture.read(tellGap);
  };

  test("is exact up to the cap, however it comes in pieces", () => {
    const text = "aé漢😀".repeat(10);
    const all = bytes(text);
    for (const size of [1, 2, 3, 7, all.length]) {
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < all.length; at += size) chunks.push(all.subarray(at, at + size));
      expect(captured(all.length, ...chunks)).toEqual({ text, truncatedBytes: 0, places: [] });
    }
  });

  test("above the cap keeps head and tail, counts what is left out, and says so in the text", () => {
    const { text, truncatedBytes } = captured(10, bytes("0123456789"), bytes("abcdefghij"));
    expect(text).toBe("01234\n[… 10 bytes left out at 5 …]\nfghij");
    expect(truncatedBytes).toBe(10);
  });

  test("never shows half a character at the cut", () => {
    for (let cap = 1; cap < 24; cap++) {
      const { text, truncatedBytes } = captured(cap, bytes("😀漢é".repeat(8)));
      expect(text).not.toContain("\uFFFD");
      const kept = bytes(text.replace(/\n?\[…[^\]]*\]\n/, "")).length;
      expect(kept + truncatedBytes).toBe(bytes("😀漢é".repeat(8)).length);
    }
  });

  test("stays within the cap for a flood of small pieces", () => {
    const capture = new OutputCapture(1000);
    for (let i = 0; i < 100_000; i++) capture.push(bytes(`${i}\n`));
    const { text } = capture.read(tellGap);
    expect(text).toEndWith("99999\n");
    expect(text).toStartWith("0\n1\n");
    expect(text.length).toBeLessThan(1050);
  });

  test("is cut at ends of lines where those are near, and every line that is shown is whole", () => {
    const lines = Array.from({ length: 10_000 }, (_, at) => `line ${at}`);
    const all = `${lines.join("\n")}\n`;
    const { text, truncatedBytes } = captured(1000, bytes(all));
    const gap = text.split("\n").find((line) => line.startsWith("[…")) ?? "";
    expect(gap).toStartWith(`[… ${truncatedBytes} bytes left out at `);
    const shown = text.trimEnd().split("\n");
    expect(shown).toContain(gap);
    for (const line of shown) if (line !== gap) expect(lines).toContain(line);
    expect(text.length - `${gap}\n`.length + truncatedBytes).toBe(all.length);
  });
});
