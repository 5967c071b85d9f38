// Nodes that show each other certificates, which openssl makes for the test.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type PeerTls, readPeerTls } from "../../src/cluster/peers/tls.ts";
import { StartError } from "../../src/failure.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { callTool, openOn, run } from "./ask.ts";
import { hasOpenssl, makeCertificates, type Signed } from "./certificates.ts";
import { startNode, tokenOf } from "./nodes.ts";

describe.skipIf(!hasOpenssl("nodes that show each other certificates"))(
  "nodes that show each other certificates",
  () => {
    let made: Awaited<ReturnType<typeof makeCertificates>>;
    let ours: Signed;
    let theirs: Signed;
    let good: PeerTls;
    let foreign: PeerTls;
    const read = async (shown: Signed, by: Signed): Promise<PeerTls> => {
      const paths = { clusterTlsCert: shown.cert, clusterTlsKey: shown.key, clusterTlsCa: by.cert };
      const tls = await readPeerTls(paths);
      if (tls === undefined) throw new Error("nothing was read");
      return tls;
    };
    beforeAll(async () => {
      made = await makeCertificates();
      ours = await made.authority("ours");
      theirs = await made.authority("theirs");
      good = await read(await made.certificate("node", ours), ours);
      foreign = await read(await made.certificate("stranger", theirs), ours);
    });
    afterAll(() => made[Symbol.asyncDispose]());

    const startTwo = async (tlsOfA: PeerTls, patienceMs = 10_000) => {
      await using stack = new AsyncDisposableStack();
      const registry = new FakeRegistry();
      const a = stack.use(await startNode({ registry, name: "a", tls: tlsOfA, patienceMs }));
      const b = stack.use(await startNode({ registry, name: "b", tls: good }));
      const parts = stack.move();
      return { a, b, [Symbol.asyncDispose]: () => parts.disposeAsync() };
    };

    test("hand calls and files on over TLS, more than once", async () => {
      await using nodes = await startTwo(good);
      const { a, b } = nodes;
      expect(b.facts.address).toStartWith("https://127.0.0.1:");
      const session_id = await openOn(b);
      for (let i = 0; i < 3; i++) expect((await run(a, "get x", { session_id })).node).toBe(b.id);
      const url = `${a.base}/sessions/${session_id}/files/home/big`;
      const headers = { authorization: tokenOf("alice") };
      const content = "0123456789abcdef".repeat(200_000);
      expect((await fetch(url, { method: "PUT", headers, body: content })).status).toBeLessThan(300);
      expect(await (await fetch(url, { headers })).text()).toBe(content);
      const part = await fetch(url, { headers: { ...headers, range: "bytes=16-31" } });
      expect(await part.text()).toBe("0123456789abcdef");
    });

    test("answer nobody who shows none, and nobody who shows one of another authority", async () => {
      await using nodes = await startTwo(good);
      const url = `${nodes.b.facts.address}/cluster/v1/call`;
      const asked = (tls: Partial<PeerTls>) =>
        fetch(url, { method: "POST", body: "{}", tls }).then(({ status }) => status);
      expect(await asked(good)).toBe(404);
      expect(await asked({ ca: good.ca }).catch(() => "refused")).toBe("refused");
      expect(await asked(foreign).catch(() => "refused")).toBe("refused");
    });

    test("answer each other nowhere else: the port of clients knows nothing of nodes", async () => {
      await using nodes = await startTwo(good);
      const { a, b } = nodes;
      const session_id = await openOn(b);
      const calls = { ...b.facts, address: b.base, epoch: b.state.epoch ?? 0 };
      const call = { kind: "ping" } as const;
      const asked = a.peers.call(calls, "alice", call, { signal: AbortSignal.timeout(20_000) });
      expect(String(await asked.catch((error: unknown) => error))).toContain("does not prove that it is the node");
      expect((await run(a, "get x", { session_id })).node).toBe(b.id);
    });

    test("whose certificate another authority has signed are told as out of reach, and get no answer", async () => {
      await using nodes = await startTwo(foreign, 0);
      const { a, b } = nodes;
      const session_id = await openOn(b);
      const { error } = await callTool(a, "execute_code", { code: "get x", session_id });
      expect(error?.data?.error_code).toBe("CONNECTION_ERROR");
      // And the other way round: nothing was sent to what is not known for a node.
      const onA = await openOn(a);
      const other = await startNode({ registry: b.registry, name: "c", tls: good, patienceMs: 0 });
      await using _ = other;
      const answer = await callTool(other, "execute_code", { code: "get x", session_id: onA });
      expect(answer.error?.message).toContain("Nothing was carried out");
    });

    test("do not start on files that are none, and tell all of them", async () => {
      const missing = join(made.folder, "missing.pem");
      const paths = { clusterTlsCert: missing, clusterTlsKey: ours.cert, clusterTlsCa: ours.cert };
      const failure = await readPeerTls(paths).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(StartError);
      expect(String(failure)).toContain(`--cluster-tls-cert: ${missing} cannot be read (ENOENT)`);
      expect(String(failure)).toContain(`--cluster-tls-key: ${ours.cert} has no private key in PEM form`);
    });
  },
);
