import { describe, expect, test } from "bun:test";
import type { Event } from "../../src/events.ts";
import { createLog, type LogFormat, type LogLevel } from "../../src/watch/log.ts";
import { sampleEvents } from "../fakes/events.ts";

const formats: readonly LogFormat[] = ["json", "human"];
const everyEvent: readonly Event[] = Object.values(sampleEvents);

describe.each(formats)("the %s log", (format) => {
  test("has one line for each event", () => {
    for (const event of everyEvent) {
      const written = logged([event], { format });
      expect(written).toEndWith("\n");
      expect(written.trimEnd().split("\n")).toHaveLength(1);
      expect(written).toContain(event.type);
    }
  });

  test("has no line for what is below its level", () => {
    const shown = (level: LogLevel) =>
      everyEvent.filter((event) => logged([event], { format, level }) !== "").map((event) => event.type);
    expect(shown("DEBUG")).toHaveLength(everyEvent.length);
    expect(shown("INFO")).not.toContain("call.ended");
    expect(shown("WARNING")).toEqual([
      "server.refused",
      "template.refused",
      "cluster.refused",
      "cluster.standing",
      "layer.failed",
      "server.warning",
      "session.failed",
      "orphan.found",
      "orphan.kept",
      "admission.refused",
      "pool.failed",
      "pool.lost",
      "ledger.degraded",
      "audit.failed",
      "audit.lost",
      "sandbox.lost",
      "request.refused",
      "request.failed",
    ]);
    expect(shown("ERROR")).toEqual(["server.refused", "cluster.refused", "request.failed"]);
  });

  test("tells what a client got wrong at INFO, and who was not let in as a warning", () => {
    const refused = (status: number): Event => ({ type: "request.refused", reason: "a reason", status });
    expect(logged([refused(404), refused(400)], { format, level: "WARNING" })).toBe("");
    for (const status of [401, 403, 429, 503]) {
      expect(logged([refused(status)], { format, level: "WARNING" })).toContain("a reason");
    }
  });

  test("has times in milliseconds with no more digits than mean something", () => {
    const opened = { ...sampleEvents["session.opened"], bootMs: 541.0571770000006 };
    expect(logged([opened], { format })).toMatch(/bootMs"?[:=]541\.(?:057|1)\b/);
  });

  test("has no source of a program", () => {
    expect(logged([sampleEvents["execution.ended"]], { format })).not.toContain("the source");
  });

  test.each([
    ["a bearer token", "sent Authorization: Bearer s3cr3t.token-value"],
    ["a microsandbox key", "the key msb_s3cr3tvalue was refused"],
    ["a JWT", "got eyJs3cr3t.eyJs3cr3t.s3cr3t"],
    ["a URL's password", "cannot reach https://user:s3cr3t@host/path"],
  ])("has %s neither in a message nor in an error or its causes", (_what, text) => {
    const cause = new Error(text);
    const written = logged(
      [
        { type: "server.warning", message: text },
        { type: "request.failed", requestId: "r", error: new Error("outer", { cause }) },
        { type: "request.failed", requestId: "r", error: { inner: [text] } },
      ],
      { format },
    );
    expect(written).toContain("[redacted]");
    expect(written).not.toContain("s3cr3t");
  });

  test("tells whatever has been thrown", () => {
    const circular: Record<string, unknown> = { what: "circular", twice: [1n, 1n] };
    circular.self = circular;
    for (const error of [circular, 1n, Symbol("s"), undefined, null, () => 1]) {
      expect(logged([{ type: "request.failed", requestId: "r", error }], { format })).toContain("request.failed");
    }
    const error = { cause: circular, same: [circular] };
    const written = logged([{ type: "request.failed", requestId: "r", error }], { format });
    expect(written).toContain("circular");
  });

  test("keeps one line, and no character that moves a terminal, whatever a value holds", () => {
    const message = 'x\r\n2026-01-01 ERROR forged=1\u001b[2J\u0085\u2028\u2029\u202e\u0000\u007f "quoted" back\\slash';
    const written = logged([{ type: "server.warning", message }], { format });
    expect(written.trimEnd()).not.toMatch(/[\p{C}\u2028\u2029]/u);
    if (format === "json") expect(JSON.parse(written).message).toBe(message);
  });
});

describe("the human log", () => {
  test("reads as time, level, event and its fields, without those that say nothing", () => {
    expect(logged([sampleEvents["session.opened"], sampleEvents["server.warning"]], { format: "human" })).toBe(
      "2026-11-23T12:00:00.000Z INFO    session.opened sessionId=session-1 principal=alice template=python flavor=small bootMs=812.5 isAhead=false\n" +
        '2026-11-23T12:00:00.000Z WARNING server.warning message="The kernel is shared."\n',
    );
    expect(logged([sampleEvents["execution.ended"]], { format: "human" })).not.toContain("exitCode");
  });
});

test("the JSON log has time, level, event and every field by its name", () => {
  expect(JSON.parse(logged([sampleEvents["call.ended"]], { format: "json" }))).toEqual({
    time: "2026-11-23T12:00:00.000Z",
    level: "DEBUG",
    event: "call.ended",
    requestId: "r-1",
    tool: "execute_code",
    principal: "alice",
    outcome: "success",
    durationMs: 836,
    wireMs: 2.16,
  });
});

function logged(events: readonly Event[], options: { readonly format: LogFormat; readonly level?: LogLevel }): string {
  let written = "";
  const write = (line: string) => {
    written += line;
  };
  const emit = createLog({ level: "DEBUG", ...options, write, now: () => Date.UTC(2026, 10, 23, 12) });
  for (const event of events) emit(event);
  return written;
}
