// The proxy from its client's side: what goes through, what is refused and told, and what one sandbox may have of it.

import { expect, test } from "bun:test";
import type { GatewayEvent } from "../../../src/sandbox/egress/gateway.ts";
import { FakeClock } from "../../fakes/fake-clock.ts";
import { openRig, say, standIn } from "./rig.ts";

const address = "93.184.215.14";
const other = "93.184.215.15";
const connectTo = (authority: string) => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
const rules = (events: readonly GatewayEvent[]) =>
  events.flatMap((event) => (event.type === "refused" ? [event.refusal.rule] : []));
const limits = { connections: 64, burst: 256, perSecond: 32, bytesPerSecond: 1e9, bytes: 1e9 };

/** Says what it hears, and ends when its client does. */
const echo = () => standIn((socket) => socket.pipe(socket));

test("bytes go both ways, what came with the request too, and the end of one side is not that of the other", async () => {
  await using host = await echo();
  await using rig = await openRig({
    policy: "allow:echo.example.com",
    names: { "echo.example.com": [[address]] },
    hosts: { [`${address}:7`]: host.port },
  });
  const client = say(rig.port, `${connectTo("echo.example.com:7")}early`);
  await client.until("early");
  client.socket.end("late");
  expect(await client.answer()).toBe("HTTP/1.1 200 Connection established\r\n\r\nearlylate");
  client.socket.destroy();
  await rig.gateway[Symbol.asyncDispose]();
  expect(rig.events).toEqual([
    {
      ...{ type: "closed", target: { host: "echo.example.com", port: 7 }, bytes: { sent: 9, received: 9 } },
      durationMs: expect.any(Number),
    },
  ]);
});

test("a mebibyte arrives whole through a host and a client that both take their time", async () => {
  await using host = await echo();
  await using rig = await openRig({
    policy: "public",
    names: { "a.example.com": [[address]] },
    hosts: { [`${address}:9`]: host.port },
  });
  const body = "0123456789abcdef".repeat(65_536);
  const client = say(rig.port, connectTo("a.example.com:9"));
  client.socket.end(body);
  expect((await client.answer()).split("\r\n\r\n")[1]).toBe(body);
});

test("SOCKS 5 reaches a name, and a refusal is its own answer", async () => {
  await using host = await echo();
  await using rig = await openRig({
    policy: "allow:a.example.com:7",
    names: { "a.example.com": [[address]] },
    hosts: { [`${address}:7`]: host.port },
  });
  const ask = (name: string) => Buffer.from([5, 1, 0, 3, name.length, ...Buffer.from(name), 0, 7]);
  const client = say(rig.port, Buffer.concat([Buffer.from([5, 1, 0]), ask("a.example.com"), Buffer.from("hello")]));
  client.socket.end();
  expect(await client.answer()).toBe("\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00hello");
  const refused = say(rig.port, Buffer.concat([Buffer.from([5, 1, 0]), ask("b.example.com")]));
  expect(await refused.answer()).toBe("\x05\x00\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00");
});

test("a name is resolved once, and the address that was judged is the one that is connected to", async () => {
  await using host = await echo();
  await using rig = await openRig({
    policy: "public",
    // A name that turns to the loopback once it has been judged.
    names: { "rebinding.example.com": [[address], ["127.0.0.1"], ["169.254.169.254"]] },
    hosts: { [`${address}:80`]: host.port },
  });
  const first = say(rig.port, connectTo("rebinding.example.com:80"));
  expect(await first.until("\r\n\r\n")).toStartWith("HTTP/1.1 200 ");
  expect(rig.resolved.length).toBe(1);
  for (const _ of [1, 2])
    expect(await say(rig.port, connectTo("rebinding.example.com:80")).answer()).toStartWith("HTTP/1.1 403 ");
  expect(rig.connected).toEqual([`${address}:80`]);
  expect(rules(rig.events)).toEqual(["private_address", "private_address"]);
  first.socket.destroy();
});

test("of a name with a private and a public address, the public one is taken", async () => {
  await using host = await echo();
  await using rig = await openRig({
    policy: "public",
    names: { "two.example.com": [["10.0.0.1", address]] },
    hosts: { [`${address}:80`]: host.port },
  });
  const client = say(rig.port, connectTo("two.example.com:80"));
  expect(await client.until("\r\n\r\n")).toStartWith("HTTP/1.1 200 ");
  expect(rig.connected).toEqual([`${address}:80`]);
  client.socket.destroy();
});

test("an address that does not answer gives way to the name's next one, and a name without any is told", async () => {
  await using host = await echo();
  await using rig = await openRig({
    policy: "public",
    names: { "two.example.com": [[other, address]] },
    hosts: { [`${address}:80`]: host.port },
  });
  const client = say(rig.port, connectTo("two.example.com:80"));
  expect(await client.until("\r\n\r\n")).toStartWith("HTTP/1.1 200 ");
  client.socket.destroy();
  const nobody = await say(rig.port, connectTo("nobody.example.com:80")).answer();
  expect(nobody).toStartWith("HTTP/1.1 502 ");
  expect(nobody).toEndWith("nobody.example.com:80 is not reached: its name cannot be resolved.\n");
  expect(rules(rig.events)).toEqual([]);
});

test("a plain request is one request to its host, and what a client sends behind it reaches nobody", async () => {
  const heard: string[] = [];
  await using host = await standIn((socket) => {
    socket.on("data", (piece) => {
      heard.push(`${piece}`);
      if (heard.join("").endsWith("body")) socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  await using rig = await openRig({
    policy: "allow:a.example.com:80",
    names: { "a.example.com": [[address]] },
    hosts: { [`${address}:80`]: host.port },
  });
  const smuggled = "GET http://b.example.com/ HTTP/1.1\r\nHost: b.example.com\r\n\r\n";
  const client = say(
    rig.port,
    `POST http://a.example.com/x HTTP/1.1\r\nHost: b.example.com\r\nContent-Length: 4\r\n\r\nbody${smuggled}`,
  );
  expect(await client.answer()).toBe("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  expect(heard.join("")).toBe(
    "POST /x HTTP/1.1\r\nHost: a.example.com\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody",
  );
});

test("what cannot be read in one way is refused and told, and reaches nobody", async () => {
  await using rig = await openRig({ policy: "public", names: { "a.example.com": [[address]] } });
  for (const text of [
    "POST http://a.example.com/ HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET http://a.example.com/ HTTP/1.1\r\nHost: a.example.com\r\nHost: b.example.com\r\n\r\n",
    "\x16\x03\x01\x00\x05hello\r\n\r\n",
  ]) {
    expect(await say(rig.port, text).answer()).toMatch(/^HTTP\/1\.1 4\d\d /);
  }
  expect(rules(rig.events)).toEqual(["protocol", "protocol", "protocol"]);
  expect(rig.connected).toEqual([]);
});

test("on port 443 of a policy by names, another protocol than TLS does not reach the host", async () => {
  const heard: string[] = [];
  await using host = await standIn((socket) => socket.on("data", (piece) => heard.push(`${piece}`)));
  await using rig = await openRig({
    policy: "packages",
    names: { "pypi.org": [[address]] },
    hosts: { [`${address}:443`]: host.port },
  });
  expect(
    await say(rig.port, `${connectTo("pypi.org:443")}GET / HTTP/1.1\r\nHost: pypi.org\r\n\r\n`).answer(),
  ).toEndWith("\r\n\r\n\x15\x03\x03\x00\x02\x02\x31");
  expect(rules(rig.events)).toEqual(["protocol"]);
  expect(heard).toEqual([]);
});

test("a host that speaks first is heard, before its client has said anything", async () => {
  await using host = await standIn((socket) => socket.write("220 ready\r\n"));
  await using rig = await openRig({
    policy: "allow:ftp.example.com",
    names: { "ftp.example.com": [[address]] },
    hosts: { [`${address}:21`]: host.port },
  });
  const client = say(rig.port, connectTo("ftp.example.com:21"));
  expect(await client.until("ready")).toEndWith("220 ready\r\n");
  client.socket.destroy();
});

test("a connection beside as many as there may be is closed, and told; once one ends, there is room", async () => {
  await using host = await echo();
  const few = { ...limits, connections: 2 };
  await using rig = await openRig({
    policy: "public",
    names: { "a.example.com": [[address]] },
    hosts: { [`${address}:7`]: host.port },
    limits: few,
  });
  const ask = () => say(rig.port, connectTo("a.example.com:7"));
  const [first, second] = [ask(), ask()];
  for (const client of [first, second]) expect(await client.until("\r\n\r\n")).toStartWith("HTTP/1.1 200 ");
  expect(await ask().answer()).toBe("");
  expect(rig.gateway.refusals.since(0)).toEqual([
    "[the network policy public refused a connection: this sandbox has 2 connections, as many as it may have at once]",
  ]);
  const ended = Promise.withResolvers<void>();
  first.socket.on("close", () => ended.resolve());
  first.socket.destroy();
  await ended.promise;
  for (;;) {
    const again = ask();
    if ((await again.until("\r\n\r\n")).startsWith("HTTP/1.1 200 ")) break;
  }
  second.socket.destroy();
});

test("a flood waits with the kernel until its time has come, and is told", async () => {
  const clock = new FakeClock();
  await using rig = await openRig({ policy: "packages", clock, limits: { ...limits, burst: 3, perSecond: 1 } });
  const ask = () => say(rig.port, connectTo("a.example.com:443"));
  for (const _ of [1, 2, 3]) expect(await ask().answer()).toStartWith("HTTP/1.1 403 ");
  const waiting = ask();
  const isThere = Promise.withResolvers<string>();
  void waiting.answer().then(isThere.resolve);
  expect(rules(rig.events)).toContain("limit");
  const before = rules(rig.events).length;
  await clock.advance(10);
  expect(rules(rig.events).length).toBe(before);
  await clock.advance(3_000);
  expect(await isThere.promise).toStartWith("HTTP/1.1 403 ");
});

test("a client that drips its request is given up, and one that says nothing for long, too", async () => {
  const clock = new FakeClock();
  await using host = await echo();
  await using rig = await openRig({
    policy: "public",
    clock,
    names: { "a.example.com": [[address]] },
    hosts: { [`${address}:7`]: host.port },
  });
  const drip = say(rig.port, "CONNECT a.exam");
  const idle = say(rig.port, connectTo("a.example.com:7"));
  await idle.until("\r\n\r\n");
  while (clock.sleeping < 2) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(15_001);
  expect(await drip.answer()).toBe("");
  idle.socket.write("still here");
  await idle.until("still here");
  await clock.advance(290_000);
  idle.socket.write("and now");
  await idle.until("and now");
  await clock.advance(299_000);
  expect(idle.socket.destroyed).toBe(false);
  await clock.advance(302_000);
  await idle.answer();
  expect(rig.events.some(({ type }) => type === "closed")).toBe(true);
});

test("what one sandbox may send and receive has an end, which is told", async () => {
  await using host = await echo();
  await using rig = await openRig({
    policy: "public",
    names: { "a.example.com": [[address]] },
    hosts: { [`${address}:7`]: host.port },
    limits: { ...limits, bytes: 1000 },
  });
  const client = say(rig.port, connectTo("a.example.com:7"));
  client.socket.end("x".repeat(2000));
  await client.answer();
  expect(rules(rig.events)).toContain("limit");
});

test("refusals are told once each with their number, from a mark on, and the rest is counted", async () => {
  await using rig = await openRig({ policy: "packages" });
  const ask = async (host: string) => void (await say(rig.port, connectTo(`${host}:443`)).answer());
  await ask("before.example.com");
  const { mark } = rig.gateway.refusals;
  for (let at = 0; at < 10; at++) await ask(`${at}.example.com`);
  await ask("0.example.com");
  const told = rig.gateway.refusals.since(mark);
  expect(told.length).toBe(9);
  expect(told[0]).toBe(
    "[the network policy packages refused 0.example.com:443: it allows pypi.org, files.pythonhosted.org, registry.npmjs.org; 2 times]",
  );
  expect(told.at(-1)).toBe("[the network policy refused 2 more]");
});

test("through a proxy that this machine is behind, names of the policy are asked for by name, and others by the address that was judged", async () => {
  const asked: string[] = [];
  await using outer = await standIn((socket) => {
    socket.once("data", (piece) => {
      asked.push(`${piece}`);
      socket.write(
        `${piece}`.includes("denied") ? "HTTP/1.1 407 No\r\n\r\n" : "HTTP/1.1 200 OK\r\nVia: x\r\n\r\nfirst",
      );
    });
  });
  const proxy = { host: "proxy.example.com", port: 8080, authorization: "Basic eDp5" };
  const common = { proxy, hosts: { "proxy.example.com:8080": outer.port } };
  await using named = await openRig({ ...common, policy: "allow:a.example.com:7,denied.example.com:7" });
  const client = say(named.port, connectTo("a.example.com:7"));
  expect(await client.until("first")).toBe("HTTP/1.1 200 Connection established\r\n\r\nfirst");
  client.socket.destroy();
  expect(await say(named.port, connectTo("denied.example.com:7")).answer()).toEndWith(
    "is not reached: the proxy of this server answers 407.\n",
  );
  expect(await say(named.port, connectTo("b.example.com:7")).answer()).toStartWith("HTTP/1.1 403 ");
  expect(named.resolved).toEqual([]);
  await using open = await openRig({
    ...{ ...common, policy: "public" },
    names: { "a.example.com": [[address]], "inside.example.com": [["10.0.0.1"]] },
  });
  const other = say(open.port, connectTo("a.example.com:7"));
  await other.until("first");
  other.socket.destroy();
  expect(await say(open.port, connectTo("inside.example.com:7")).answer()).toStartWith("HTTP/1.1 403 ");
  expect(await say(open.port, connectTo("unknown.example.com:7")).answer()).toStartWith("HTTP/1.1 502 ");
  const line = (authority: string) =>
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nProxy-Authorization: Basic eDp5\r\n\r\n`;
  expect(asked).toEqual([line("a.example.com:7"), line("denied.example.com:7"), line(`${address}:7`)]);
});

test("nothing of a gateway is left when it ends, however its connections are", async () => {
  await using host = await echo();
  await using rig = await openRig({
    policy: "public",
    names: { "a.example.com": [[address]] },
    hosts: { [`${address}:7`]: host.port },
  });
  const begun = say(rig.port, "CONN");
  await new Promise((resolve) => begun.socket.once("connect", resolve));
  // Taken in the order in which they came.
  const open = say(rig.port, connectTo("a.example.com:7"));
  await open.until("\r\n\r\n");
  await rig.gateway[Symbol.asyncDispose]();
  await Promise.all([open.answer(), begun.answer()]);
  expect(rig.events.map(({ type }) => type)).toEqual(["closed"]);
});
