// The same walk over real namespaces, shorter. MODEL_SEED=n repeats it as far as a real machine repeats anything.

import { expect, test } from "bun:test";
import { descendants } from "../sandbox/namespace/machine.ts";
import { NamespaceGround } from "./namespace-ground.ts";
import { Random } from "./random.ts";
import { Walk } from "./walk.ts";

const seed = Number(process.env.MODEL_SEED ?? Date.now() % 1_000_000_000);
const steps = Number(process.env.MODEL_NAMESPACE_STEPS ?? 150);

test.skipIf(Bun.which("bwrap") === null)(
  "whatever happens, sessions over real namespaces stay true, and leave no process",
  async () => {
    console.log(`model test over namespaces: MODEL_SEED=${seed}`);
    const before = descendants(process.pid).length;
    {
      await using ground = new NamespaceGround();
      const walk = new Walk(ground, new Random(seed));
      await walk.take(steps);
      expect(walk.counts.get("open")).toBeGreaterThan(0);
    }
    expect(descendants(process.pid).length).toBe(before);
  },
  300_000,
);
