import { describe, expect, test } from "bun:test";
import { newSessionId, originOf } from "../../src/sessions/ids.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";

describe("session ids", () => {
  test("fit the names of every backend", () => {
    for (let i = 0; i < 1000; i++) expect(newSessionId("here")).toMatch(/^session-[a-z0-9-]{10,36}$/);
  });

  test("are all different, and so are their first characters beyond the installation's", () => {
    const ids = Array.from({ length: 10_000 }, () => newSessionId("here"));
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(ids.map((id) => id.slice(0, 14))).size).toBe(1);
    expect(new Set(ids.map((id) => id.slice(14, 34))).size).toBe(ids.length);
  });

  test("tell the installation that made them", () => {
    const id = newSessionId("here");
    expect([originOf(id, "here"), originOf(id, "there")]).toEqual(["ours", "foreign"]);
  });

  test("with any one character changed, or two neighbours swapped, are mistyped", () => {
    const id = newSessionId("here");
    for (let at = "session-".length; at < id.length; at++) {
      if (id[at] === "-") continue;
      const other = id[at] === "7" ? "8" : "7";
      expect(originOf(`${id.slice(0, at)}${other}${id.slice(at + 1)}`, "here")).toBe("mistyped");
      const [a, b] = [id[at], id[at + 1]];
      if (a === b || b === undefined || b === "-") continue;
      expect(originOf(`${id.slice(0, at)}${b}${a}${id.slice(at + 2)}`, "here")).toBe("mistyped");
    }
  });

  test("that were cut off, lengthened or made up are none", () => {
    const id = newSessionId("here");
    for (const other of ["", "session-1", id.slice(0, -1), `${id}x`, id.toUpperCase(), ` ${id}`]) {
      expect(originOf(other, "here")).toBe("malformed");
    }
  });
});

describe("an id that is not active", () => {
  test.each([
    ["of this installation", (id: string) => id, "unknown", "there is no session "],
    [
      "with a typo",
      (id: string) => `${id.slice(0, -1)}${id.endsWith("7") ? "8" : "7"}`,
      "mistyped",
      "its check digits do not fit",
    ],
    ["that was cut off", (id: string) => id.slice(0, 20), "unknown", "whole ids are"],
    ["of elsewhere", () => newSessionId("there"), "foreign", "was made by another installation of msb-mcp"],
  ])("%s is told as such", async (_, change, reason, words) => {
    await using s = sessionsOverFake();
    const sessionId = change(newSessionId(s.installationId));
    expect(s.run("print", { sessionId })).rejects.toMatchObject({
      kind: "session_not_found",
      message: expect.stringContaining(words),
      context: { session_id: sessionId, reason },
    });
    const stopped = await s.sessions.stop("alice", sessionId);
    expect(stopped).toMatchObject({ stopped: false, why: expect.stringContaining(words) });
  });
});
