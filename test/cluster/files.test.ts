// Files of sessions on another node: by name with a token, and by signed URLs.

import { describe, expect, test } from "bun:test";
import { put, refusalOf, textOf } from "../http/files/served.ts";
import { callTool, openOn, until } from "./ask.ts";
import { startNodes, type TestNode, tokenOf } from "./nodes.ts";

async function startWithSession() {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await startNodes(2));
  const { a, b } = cluster;
  const session_id = await openOn(a);
  const { files } = a.host.only();
  const named = (node: TestNode, path: string) => `${node.base}/sessions/${session_id}/files/${path}`;
  const link = async (node: TestNode, path: string, direction: "upload" | "download") => {
    const { result } = await callTool(node, "transfer_file", { session_id, path, direction });
    return String(result?.url);
  };
  const parts = stack.move();
  return { ...cluster, a, b, session_id, files, named, link, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

const authorization = tokenOf("alice");
const headersToldOf = (response: Response) =>
  Object.fromEntries([...response.headers].filter(([name]) => !["date", "msb-mcp-node"].includes(name)));

describe("a file of another node's session", () => {
  test("comes as from its owner: whole, a range of it, its head, and not at all where it has not changed", async () => {
    await using cluster = await startWithSession();
    const { a, b, files, named } = cluster;
    await put(files, "data.csv", "0123456789");
    const etag = (await fetch(named(a, "data.csv"), { headers: { authorization } })).headers.get("etag") ?? "";
    const requests: RequestInit[] = [
      {},
      { headers: { range: "bytes=2-4" } },
      { headers: { range: "bytes=20-" } },
      { headers: { "if-none-match": etag } },
      { method: "HEAD" },
    ];
    for (const init of requests) {
      const headers = { authorization, ...(init.headers as Record<string, string>) };
      const [direct, handed] = [
        await fetch(named(a, "data.csv"), { ...init, headers }),
        await fetch(named(b, "data.csv"), { ...init, headers }),
      ];
      expect(handed.status).toBe(direct.status);
      expect(headersToldOf(handed)).toEqual(headersToldOf(direct));
      expect(await handed.text()).toBe(await direct.text());
      expect(handed.headers.get("msb-mcp-node")).toBe(a.id);
    }
  });

  test("of some megabytes goes up and comes down whole", async () => {
    await using cluster = await startWithSession();
    const { b, files, named } = cluster;
    const content = "0123456789abcdef".repeat(400_000);
    const body = new Blob([content]).stream();
    const sent = await fetch(named(b, "large"), { method: "PUT", headers: { authorization }, body });
    expect(sent.status).toBe(201);
    expect(await textOf(files, "large")).toBe(content);
    const got = await fetch(named(b, "large"), { headers: { authorization } });
    expect(await got.text()).toBe(content);
  });

  test("is written only over the version that If-Match names, and goes on where an upload broke off", async () => {
    await using cluster = await startWithSession();
    const { b, files, named } = cluster;
    await put(files, "a.txt", "old");
    const write = async (headers: Readonly<Record<string, string>>, body: string) =>
      await fetch(named(b, "a.txt"), { method: "PUT", headers: { authorization, ...headers }, body });
    expect((await write({ "if-match": '"no"' }, "new")).status).toBe(412);
    expect((await write({ "content-range": "bytes 0-3/8" }, "part")).status).toBe(202);
    const head = await fetch(named(b, "a.txt"), { method: "HEAD", headers: { authorization } });
    expect(head.headers.get("upload-offset")).toBe("4");
    expect((await write({ "content-range": "bytes 4-7/8" }, "more")).status).toBe(204);
    expect(await textOf(files, "a.txt")).toBe("partmore");
  });

  test("is had by a URL that any node has signed, at any node, without a token", async () => {
    await using cluster = await startWithSession();
    const { a, b, files, link } = cluster;
    await put(files, "x.txt", "signed");
    for (const signer of [a, b]) {
      const path = new URL(await link(signer, "x.txt", "download")).pathname;
      for (const node of [a, b]) expect(await (await fetch(node.base + path)).text()).toBe("signed");
    }
    const path = new URL(await link(b, "up.txt", "upload")).pathname;
    expect((await fetch(b.base + path, { method: "PUT", body: "by URL" })).status).toBe(201);
    expect(await textOf(files, "up.txt")).toBe("by URL");
    expect(await refusalOf(await fetch(`${b.base}${path}x`, { method: "PUT", body: "" }))).toBe("403 not_permitted");
  });

  test("is not another principal's, and needs a token where no URL is signed", async () => {
    await using cluster = await startWithSession();
    const { b, files, named } = cluster;
    await put(files, "x.txt", "mine");
    const bobs = await fetch(named(b, "x.txt"), { headers: { authorization: tokenOf("bob") } });
    expect(await refusalOf(bobs)).toBe("404 session_not_found");
    expect((await fetch(named(b, "x.txt"))).status).toBe(401);
  });

  test("with dots in its path is refused as by its owner", async () => {
    await using cluster = await startWithSession();
    const { b, named } = cluster;
    const response = await fetch(named(b, "a%2F..%2Fb"), { headers: { authorization } });
    expect(await refusalOf(response)).toBe("400 invalid_path");
  });

  test("is told gone with its node", async () => {
    await using cluster = await startWithSession();
    const { a, b, registry, named } = cluster;
    registry.endLease(a.id, 5_000);
    const response = await fetch(named(b, "x.txt"), { headers: { authorization } });
    expect(await refusalOf(response)).toBe("410 session_not_found");
  });

  test("is not told whole where its node breaks off", async () => {
    await using cluster = await startWithSession();
    const { a, b, files, named } = cluster;
    await put(files, "large", "x".repeat(8_000_000));
    const { open } = files;
    const gate = Promise.withResolvers<void>();
    files.open = async (path, signal) => {
      const file = await open.call(files, path, signal);
      const read = async (offset: number, length: number) => {
        if (offset > 2_000_000) await gate.promise;
        return await file.read(offset, length);
      };
      return { ...file, read };
    };
    const response = await fetch(named(b, "large"), { headers: { authorization } });
    const reader = response.body?.getReader();
    await reader?.read();
    await a.cut();
    gate.resolve();
    const drained = (async () => {
      while ((await reader?.read())?.done === false);
    })();
    await expect(drained).rejects.toThrow();
  });

  test("ends on its node, too, when the client leaves", async () => {
    await using cluster = await startWithSession();
    const { a, b, files, named } = cluster;
    await put(files, "large", "x".repeat(40_000_000));
    const leaving = new AbortController();
    const response = await fetch(named(b, "large"), { headers: { authorization }, signal: leaving.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    leaving.abort();
    await until(() => a.events.some(({ type }) => type === "transfer.ended"));
    expect(a.events).toContainEqual(expect.objectContaining({ type: "transfer.ended", outcome: "broken_off" }));
  });
});
