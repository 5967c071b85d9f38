// Two nodes are restarted one after the other under a steady rate of calls, with sandboxes that outlive their server: the short form of
// `bun scripts/load/roll.ts`.

import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { rollUnderCalls } from "../../scripts/load/cluster/roll.ts";
import { debianProgram } from "../packages/debian.ts";
import { startKeeper } from "./keeper.ts";

setDefaultTimeout(240_000);

const skipped = "a rolling restart of two servers under load";
const redis = debianProgram("redis-server", "redis-server", skipped);
const bubblewrap = debianProgram("bwrap", "bubblewrap", skipped);
const isComplete = redis !== undefined && bubblewrap !== undefined;

test.skipIf(!isComplete)(
  "no session is lost and no answer is wrong while all nodes are restarted in turn, where the backend keeps sandboxes",
  async () => {
    await using keeper = startKeeper();
    const { wrong, broken, toldLost, calls, goneOn, seconds } = await rollUnderCalls({
      argv: [process.execPath, "--no-env-file", join(import.meta.dir, "main.ts"), keeper.url],
      redis: redis ?? "",
      ...{ keeps: true, nodes: 2, sessions: 4, callsASecond: 20 },
    });
    console.log(
      `roll: ${calls} calls in ${seconds.toFixed(0)} s, ${goneOn} were told that they go on, ${broken.length} that the connection broke`,
    );
    expect(wrong).toEqual([]);
    expect(toldLost).toBe(0);
  },
);
