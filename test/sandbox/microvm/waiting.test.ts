// Many sandboxes that wait for one image, over a store that answers when it is told to.

import { expect, test } from "bun:test";
import type { ImageHandle } from "microsandbox";
import { systemClock } from "../../../src/clock.ts";
import type { ImageStore } from "../../../src/sandbox/microvm/images/archives.ts";
import { Images } from "../../../src/sandbox/microvm/images/images.ts";
import { progressOf } from "../../../src/sandbox/microvm/images/pulls.ts";

const image = { kind: "registry", reference: "python:3.13-slim" } as const;
const never = new AbortController().signal;

function heldStore() {
  const asked: PromiseWithResolvers<ImageHandle>[] = [];
  const store: ImageStore = {
    get: () => {
      const answer = Promise.withResolvers<ImageHandle>();
      asked.push(answer);
      return answer.promise;
    },
    load: () => Promise.reject(new Error("not here")),
  };
  return { asked, images: new Images({ store, msb: "/nowhere/msb", clock: systemClock }) };
}

const handle: ImageHandle = {
  ...{ reference: image.reference, sizeBytes: 1, manifestDigest: "sha256:1", architecture: "amd64", os: "linux" },
  ...{ layerCount: 1, lastUsedAt: null, createdAt: null },
};

test("however many wait for an image, it is brought once", async () => {
  const { asked, images } = heldStore();
  const waiting = Array.from({ length: 10 }, () => images.makeAvailable(image, { signal: never }));
  expect(asked).toHaveLength(1);
  asked[0]?.resolve(handle);
  await Promise.all(waiting);
});

test("one that stops waiting does not take the image from the others", async () => {
  const { asked, images } = heldStore();
  const leaves = new AbortController();
  const left = images.makeAvailable(image, { signal: leaves.signal });
  const stays = images.makeAvailable(image, { signal: never });
  leaves.abort(new Error("the caller left"));
  await expect(left).rejects.toThrow("the caller left");
  asked[0]?.resolve(handle);
  await stays;
  expect(asked).toHaveLength(1);
});

test("a failure is told to all that wait, and not kept: the next one tries again", async () => {
  const { asked, images } = heldStore();
  const waiting = [1, 2].map(() => images.makeAvailable(image, { signal: never }));
  asked[0]?.reject(new Error("the disk is full"));
  for (const one of await Promise.allSettled(waiting)) expect(one.status).toBe("rejected");
  const next = images.makeAvailable(image, { signal: never });
  asked[1]?.resolve(handle);
  await next;
});

test("who has left before it begins starts nothing", async () => {
  const { asked, images } = heldStore();
  await expect(images.makeAvailable(image, { signal: AbortSignal.abort(new Error("left")) })).rejects.toThrow("left");
  expect(asked).toHaveLength(0);
});

test("the drawing of a pull tells the layer that moves, and how far it is", () => {
  const esc = "\u001b";
  const bar = (layer: number, got: string, phase: string) =>
    ` layer ${layer}/2  ${esc}[35m━━╌╌${esc}[0m  ${got}/2.86 MiB  ${esc}[35m${phase}${esc}[0m  ${esc}[1A\r${esc}[2K`;
  const drawn = `⠴ Pulling thing:1 (2 layers) ${bar(1, "2.86 MiB", "complete")}${bar(2, "293.09 KiB", "downloading")}`;
  expect(progressOf(drawn, "thing:1")).toBe("pulling thing:1, layer 2 of 2: 293.09 KiB of 2.86 MiB");
  expect(progressOf("⠋ Resolving thing:1", "thing:1")).toBe("pulling thing:1");
  expect(progressOf("", "thing:1")).toBe("pulling thing:1");
});
