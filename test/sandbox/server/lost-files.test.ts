// What becomes of work on files where the server, the sandbox or an answer goes away. On a stub, because it has to go wrong.

import { expect, test } from "bun:test";
import { Failure } from "../../../src/failure.ts";
import { list, read, refusal, write } from "../../contract/files-contract.ts";
import { arena, keyOf, never, ran } from "./servers.ts";

test("a server that goes away while a file is written is a connection error in bounded time, and the session is lost", async () => {
  await using at = await arena({ pollMs: 0 }, { patienceMs: 600 });
  const sandbox = await at.create();
  const content = async function* () {
    yield new Uint8Array(1000);
    await at.stub.refuse();
    yield new Uint8Array(1000);
  };
  const options = { mode: "new", makeFolders: false } as const;
  expect(await sandbox.files.write("x", content(), options, never).catch(refusal)).toBe("connection");
  expect(await sandbox.lost).toContain("cannot be reached");
  expect(await sandbox.files.stat("x", never).catch(refusal)).toBe("connection");
  at.stub.accept();
});

test("a server that is away for a moment costs a file nothing", async () => {
  await using at = await arena({ pollMs: 0 });
  await using sandbox = await at.create();
  const pieces = Array.from({ length: 20 }, (_, index) => Buffer.alloc(100_000, index + 65));
  const content = async function* () {
    for (const [index, piece] of pieces.entries()) {
      if (index === 10) void at.stub.refuse().then(() => setTimeout(() => at.stub.accept(), 300));
      yield piece;
    }
  };
  await sandbox.files.write("x", content(), { mode: "new", makeFolders: false }, never);
  expect(await read(sandbox.files, "x")).toBe(Buffer.concat(pieces).toString());
});

test("a sandbox that has ended underneath is told to who works on its files", async () => {
  await using at = await arena({ pollMs: 0 });
  const sandbox = await at.create();
  await write(sandbox.files, "x", "x");
  await using file = await sandbox.files.open("x", never);
  await at.stub.kill(keyOf(sandbox));
  const failure = await file.read(0, 1).catch((error: unknown) => error);
  if (!(failure instanceof Failure)) throw failure;
  expect(failure.kind).toBe("code_execution");
  expect(failure.message).toContain("was lost: it ended underneath");
});

test("while much is written, code runs, and neither waits for the other's end", async () => {
  await using at = await arena({ pollMs: 0 });
  await using sandbox = await at.create();
  const ends = Promise.withResolvers<void>();
  const content = async function* () {
    for (let index = 0; index < 8; index++) yield new Uint8Array(100_000);
    await ends.promise;
  };
  const written = sandbox.files.write("x", content(), { mode: "new", makeFolders: false }, never);
  for (const kind of ["code", "command"] as const) {
    expect((await ran(sandbox, kind, kind === "code" ? "print(1)" : "echo 1")).stdout).toBe("1\n");
  }
  expect((await list(sandbox.files, ".", 1)).filter(({ path }) => path.endsWith("/x"))).toEqual([]);
  ends.resolve();
  expect((await written).sizeBytes).toBe(800_000);
});
