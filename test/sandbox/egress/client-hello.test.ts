// For whom a TLS connection is, by what a real client sends first.

import { beforeAll, expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { connect } from "node:tls";
import { type Hello, maxHelloBytes, readHello } from "../../../src/sandbox/egress/client-hello.ts";

/** What Bun's own TLS says first. */
async function helloFor(servername: string): Promise<Buffer> {
  const heard = Promise.withResolvers<Buffer>();
  const server = createServer((socket: Socket) => socket.once("data", heard.resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const client = connect({ host: "127.0.0.1", port, servername });
  client.on("error", () => undefined);
  try {
    return await heard.promise;
  } finally {
    client.destroy();
    server.close();
  }
}

let hello: Buffer;
beforeAll(async () => {
  hello = await helloFor("Registry.npmjs.org");
});

const read = (bytes: Buffer) => readHello(bytes)?.value;
const named: Hello = { kind: "tls", name: "registry.npmjs.org", isEncrypted: false };

test("the name is read, in lower case, and no byte is taken away", () => {
  expect(readHello(hello)).toEqual({ value: named, used: 0 });
});

test("a hello is waited for however it is cut", () => {
  for (let length = 0; length < hello.length; length++) expect(read(hello.subarray(0, length))).toBeUndefined();
});

test("a hello over many records is one", () => {
  const message = hello.subarray(5);
  const records = Array.from({ length: message.length }, (_, at) => Buffer.from([0x16, 3, 1, 0, 1, message[at] ?? 0]));
  expect(read(Buffer.concat(records))).toEqual(named);
  expect(read(Buffer.concat(records.slice(0, -1)))).toBeUndefined();
});

/** A hello with these extensions only. */
function made(...extensions: readonly (readonly [number, Buffer])[]): Buffer {
  const u16 = (value: number) => Buffer.from([value >> 8, value & 255]);
  const list = Buffer.concat(extensions.map(([type, body]) => Buffer.concat([u16(type), u16(body.length), body])));
  const body = Buffer.concat([
    ...[u16(0x0303), Buffer.alloc(32), Buffer.from([0]), u16(2), u16(0x1301), Buffer.from([1, 0])],
    ...(extensions.length > 0 ? [u16(list.length), list] : []),
  ]);
  const message = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
  return Buffer.concat([Buffer.from([0x16, 3, 1]), u16(message.length), message]);
}

function nameExtension(...names: readonly string[]): readonly [number, Buffer] {
  const entries = names.map((name) => Buffer.concat([Buffer.from([0, 0, name.length]), Buffer.from(name)]));
  const list = Buffer.concat(entries);
  return [0, Buffer.concat([Buffer.from([0, list.length]), list])];
}

test("a hello without a name is one of nobody's, and an encrypted one is told", () => {
  expect(read(made())).toEqual({ kind: "tls", name: undefined, isEncrypted: false });
  expect(read(made(nameExtension("a.example.com"), [0xfe0d, Buffer.alloc(8)]))).toMatchObject({ isEncrypted: true });
});

test("two names are none, in one list or in two", () => {
  expect(read(made(nameExtension("a.example.com", "b.example.com")))).toEqual({ kind: "broken" });
  expect(read(made(nameExtension("a.example.com"), nameExtension("b.example.com")))).toEqual({ kind: "broken" });
});

test("lengths that do not fit are no TLS", () => {
  const whole = made(nameExtension("a.example.com"));
  for (let at = 5; at < whole.length; at++) {
    const bent = Buffer.from(whole);
    bent[at] = (bent[at] ?? 0) ^ 0x40;
    const found = read(bent);
    expect(found === undefined || found.kind !== "tls" || found.name === undefined || found.name.length === 13).toBe(
      true,
    );
  }
  expect(read(Buffer.from([0x16, 3, 1, 0, 0, 0x16]))).toEqual({ kind: "broken" });
  expect(read(Buffer.from([0x16, 3, 1, 0, 4, 2, 0, 0, 0]))).toEqual({ kind: "broken" });
  expect(read(Buffer.from([0x16, 3, 1, 0, 4, 1, 255, 255, 255]))).toEqual({ kind: "broken" });
});

test("random bytes never throw, and another protocol is one", () => {
  for (let seed = 1; seed < 2000; seed++) {
    const bytes = new Bun.CryptoHasher("sha512").update(`${seed}`).digest();
    const found = read(Buffer.concat([Buffer.from([0x16, 3, 1, 0, 60, 1, 0, 0, 56]), bytes]));
    expect(["tls", "broken"]).toContain(found?.kind ?? "none");
  }
  expect(read(Buffer.from("SSH-2.0-x"))).toEqual({ kind: "other" });
  expect(read(Buffer.alloc(3 * maxHelloBytes, 0x16))).not.toMatchObject({ kind: "tls" });
});
