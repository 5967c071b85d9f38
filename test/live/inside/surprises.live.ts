// What the runtime does that its types do not tell, and that the adapter is built around. A test that fails here has found that a newer
// runtime does otherwise: the adapter can then do without.

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ExecEvent, ExecHandle, Sandbox } from "microsandbox";
import { runtime, templateOf } from "./host.ts";
import { bootPatiently, patienceMs } from "./patience.ts";

const promise = (sentence: string, body: () => Promise<void>) => test(sentence, body, patienceMs);

let machine: Sandbox;
beforeAll(async () => {
  const { Sandbox: Machine } = (await runtime).microsandbox;
  const { image } = templateOf("python");
  if (image.kind !== "registry") throw new Error("the default image is not from a registry");
  const boot = () => {
    const builder = Machine.builder(`surprises-${crypto.randomUUID()}`).image(image.reference).pullPolicy("never");
    return builder.cpus(1).memory(256).disableNetwork().detached(true).create();
  };
  machine = await bootPatiently(boot, (error) => "code" in error && error.code === "runtime");
}, patienceMs);
afterAll(() => machine.destroy({ force: true }), patienceMs);

/** The kinds of its events, with the exit's status. */
async function eventsOf(handle: ExecHandle): Promise<readonly string[]> {
  const kinds: string[] = [];
  for (;;) {
    const event: ExecEvent | null | undefined = await handle.recv();
    if (event === null) return kinds;
    if (event === undefined) kinds.push("undefined");
    else kinds.push(event.kind === "exited" ? `exited ${event.code}` : event.kind);
  }
}

/** Another program's whole life, as a measure of what comes first. */
const meanwhile = () => machine.exec("/bin/true").then(() => "meanwhile");

promise("an exit waits for whoever holds the output, and not only for the program", async () => {
  const holder = "until [ -e /tmp/go ]; do sleep 0.1; done & echo done";
  const handle = await machine.execStream("/bin/sh", ["-c", holder]);
  expect((await handle.recv())?.kind).toBe("started");
  expect((await handle.recv())?.kind).toBe("stdout");
  const next = handle.recv().then((event) => event?.kind);
  expect(await Promise.race([next, meanwhile()])).toBe("meanwhile");
  await machine.exec("/bin/touch", ["/tmp/go"]);
  expect(await next).toBe("exited");
});

promise("a program that a signal ends has the status -1, whichever signal it was", async () => {
  const ended = async (how: string) =>
    (await eventsOf(await machine.execStream("/bin/sh", ["-c", `kill -${how} $$`]))).at(-1);
  expect(await ended("KILL")).toBe("exited -1");
  expect(await ended("TERM")).toBe("exited -1");
});

promise("a program that is not there is an event that the package does not know itself", async () => {
  expect(await eventsOf(await machine.execStream("/nowhere/program"))).toEqual(["undefined"]);
});

promise("stdin cannot be taken while an event is awaited", async () => {
  const handle = await machine.execStreamWith("/bin/cat", (builder) => builder.stdinPipe());
  expect((await handle.recv())?.kind).toBe("started");
  const next = handle.recv();
  const taking = handle.takeStdin().then(() => "taken");
  expect(await Promise.race([taking, meanwhile()])).toBe("meanwhile");
  await handle.kill();
  await next;
  await taking;
});

promise("what goes wrong has a code", async () => {
  const { Sandbox: Machine } = (await runtime).microsandbox;
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => "none",
      (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
    );
  expect(await codeOf(Machine.get("nobody"))).toBe("sandboxNotFound");
  expect(await codeOf(Machine.builder("nobody").image("nowhere:latest").pullPolicy("never").create())).toBe("image");
  expect(await codeOf(Machine.builder(machine.name).image("nowhere:latest").pullPolicy("never").create())).toBe(
    "sandboxAlreadyExists",
  );
});
