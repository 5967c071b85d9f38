// Which backend is taken.

import { expect, test } from "bun:test";
import { Failure } from "../../src/failure.ts";
import { type Choice, type ChooseOptions, chooseBackend } from "../../src/sandbox/choose.ts";

const noFlag = "CPU virtualization: there is no flag. Enable it.";

/** A machine on which nothing runs but namespaces, asked from a loopback address. */
function choose(changes: Partial<ChooseOptions>): Promise<Choice> {
  return chooseBackend({
    asked: "auto",
    isServerUrlGiven: false,
    doesServerAnswer: async () => false,
    microvm: async () => [noFlag],
    cloud: async () => ["cloud key: none."],
    isLoopback: true,
    ...changes,
  });
}

const never = () => Promise.reject(new Error("asked for nothing"));

test("auto takes a server whose URL was given, without looking at anything", async () => {
  const choice = await choose({ isServerUrlGiven: true, doesServerAnswer: never, microvm: never, isLoopback: false });
  expect(choice).toEqual({ backend: "server", warning: undefined, passedOver: [] });
});

test("auto takes a server that answers at the default address before microVMs", async () => {
  const choice = await choose({ doesServerAnswer: async () => true, microvm: never });
  expect(choice.backend).toBe("server");
});

test.each([true, false])("auto takes microVMs where they run, loopback address or not (%p)", async (isLoopback) => {
  const choice = await choose({ microvm: async () => [], isLoopback });
  expect(choice).toEqual({ backend: "microvm", warning: undefined, passedOver: [] });
});

test("on a loopback address auto takes namespaces for want of microVMs, with a warning, and tells what is missing", async () => {
  const choice = await choose({});
  expect(choice).toMatchObject({ backend: "namespace", passedOver: [noFlag] });
  expect(choice.warning).toContain("share this machine's kernel");
  expect(choice.warning).not.toContain("flag");
});

test("elsewhere auto takes nothing weaker than microVMs, and says what they lack", async () => {
  const failure = await choose({ isLoopback: false }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Failure);
  expect(Object(failure)).toMatchObject({ kind: "configuration" });
  expect(String(failure)).toContain(noFlag);
  expect(String(failure)).toContain("--backend namespace");
});

test.each(["microvm", "cloud"] as const)(
  "%s asked for by name is taken where nothing keeps it from running",
  async (asked) => {
    const choice = await choose({ asked, [asked]: async () => [], doesServerAnswer: never });
    expect(choice).toEqual({ backend: asked, warning: undefined, passedOver: [] });
  },
);

test.each([
  ["microvm", noFlag],
  ["cloud", "cloud key: none."],
] as const)("%s asked for by name never becomes another: what is missing is told", async (asked, why) => {
  const failure = await choose({ asked, doesServerAnswer: never }).catch((error: unknown) => error);
  expect(Object(failure)).toMatchObject({ kind: "configuration" });
  expect(String(failure)).toContain(`--backend ${asked} cannot be had here. ${why}`);
});

test("a server or namespaces asked for by name are taken without looking at microVMs", async () => {
  const others = { doesServerAnswer: never, microvm: never, cloud: never };
  expect(await choose({ asked: "server", ...others })).toMatchObject({ backend: "server", warning: undefined });
  expect((await choose({ asked: "namespace", ...others })).warning).toContain("share this machine's kernel");
});
